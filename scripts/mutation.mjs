#!/usr/bin/env node
// Changes the code in small ways (mutants), and runs the tests that go through each change. A mutant that no test finds
// survives:
//   npm run mutation -- [--all] [--since COMMIT] [--sample SHARE] [PATH…]
// PATH is a folder or a file of the parts in scripts/mutation/parts.mjs. Without one: the files that differ from the
// merge base with main, or with COMMIT. SHARE, such as 0.1, makes a sample of the mutants, the same ones in every run, and
// gives the 95 % interval of the score. Results are kept in reports/mutation, so that a second run tests only what has
// changed since. Exits 1 if a part's score is under 85 %.
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Stryker } from "@stryker-mutator/core"
import { PARTS } from "./mutation/parts.mjs"
import { interval, isInSample } from "./mutation/sample.mjs"

const LOWEST_SCORE = 85
const root = fileURLToPath(new URL("..", import.meta.url))
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim()

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: "boolean", default: false },
      since: { type: "string", default: "main" },
      sample: { type: "string", default: "1" },
    },
  })
  const sample = Number(values.sample)
  if (!(sample > 0 && sample <= 1))
    throw new Error(`mutation: --sample is ${values.sample}, expected above 0, at most 1`)
  process.chdir(root)
  useReference()
  // Properties are tried for each mutant, so fewer cases of each have to do.
  process.env.LLLITE_FUZZ_RUNS ??= "200"
  const asked = values.all ? Object.keys(PARTS) : positionals.length > 0 ? positionals : changedFiles(values.since)
  const unknown = positionals.find((path) => !Object.keys(PARTS).some((part) => within(part, path).length > 0))
  if (unknown !== undefined) {
    throw new Error(`mutation: "${unknown}" lies in no part. There are: ${Object.keys(PARTS).join(", ")}.`)
  }
  const rows = []
  for (const [part, tests] of Object.entries(PARTS)) {
    const files = asked.flatMap((path) => within(part, path))
    if (files.length > 0) rows.push(await run(part, tests, files, sample))
  }
  if (rows.length === 0) return console.log("mutation: no file of the parts was asked for, or has changed")
  for (const row of rows) console.log(line(row))
  if (rows.some(({ score }) => score < LOWEST_SCORE)) {
    console.log(`mutation: a part is under ${LOWEST_SCORE} %. The survivors stand above.`)
    process.exitCode = 1
  }
}

/** Tests run in a copy of the project, and look for the whole reference beside it. There they would be skipped. */
function useReference() {
  const folder = resolve(root, "../shared/reference")
  if (existsSync(folder)) process.env.LLLITE_REFERENCE ??= folder
}

/** What of `path` belongs to a part, as patterns of StrykerJS. */
function within(part, path) {
  const asked = relative(root, resolve(path)).replaceAll("\\", "/")
  if (part === asked || part.startsWith(`${asked}/`)) return sources(part)
  return partOf(asked) === part ? sources(asked) : []
}

/** The innermost part that holds a path. */
function partOf(path) {
  const holders = Object.keys(PARTS).filter((part) => path === part || path.startsWith(`${part}/`))
  return holders.toSorted((a, b) => b.length - a.length)[0]
}

/** The code of a folder without tests and without what is a part of its own, or a file. */
function sources(path) {
  if (!statSync(path).isDirectory()) return [path]
  const others = Object.keys(PARTS)
    .filter((part) => part.startsWith(`${path}/`))
    .map((part) => (statSync(part).isDirectory() ? `${part}/**/*.ts` : part))
  return [
    `${path}/**/*.ts`,
    ...[`${path}/**/*.test.ts`, `${path}/**/*.test-help.ts`, ...others].map((out) => `!${out}`),
  ]
}

/** Files that differ from the merge base, or are new. */
function changedFiles(commit) {
  const base = git("merge-base", "HEAD", commit)
  const names = [git("diff", "--name-only", "--diff-filter=d", base), git("ls-files", "--others", "--exclude-standard")]
  return names
    .flatMap((list) => list.split("\n"))
    .filter((name) => /\.ts$/.test(name) && !/\.test(-\w+)?\.ts$/.test(name))
}

async function run(part, tests, mutate, sample) {
  const name = part
    .replace(/^packages\//, "")
    .replace(/\/src/, "")
    .replace(/\.ts$/, "")
    .replaceAll("/", "-")
  const incrementalFile = `reports/mutation/${name}.json`
  mkdirSync("reports/mutation", { recursive: true })
  const all = await new Stryker({
    mutate,
    testFiles: tests,
    testRunner: "one-worker",
    plugins: ["./scripts/mutation/test-runner.mjs", "./scripts/mutation/ignore-messages.mjs"],
    ignorers: ["messages"],
    coverageAnalysis: "perTest",
    // A mutant of code that runs while a file is loaded would need every test.
    ignoreStatic: true,
    concurrency: 1,
    // The runner has its own limits, which do not depend on how busy the machine is.
    timeoutMS: 1_200_000,
    dryRunTimeoutMinutes: 60,
    sample,
    incremental: true,
    incrementalFile,
    ignorePatterns: ["reports", "apps", "bench", "docs", "examples", "packages/{runtime-*,webgpu}", "**/dist"],
    reporters: ["progress-append-only"],
    allowEmpty: true,
    logLevel: "warn",
  }).runMutationTest()
  dropSkipped(incrementalFile)
  // Results of other files are kept beside those of this run.
  const asked = all.filter(({ fileName }) => isAsked(relative(root, fileName).replaceAll("\\", "/"), mutate))
  const results = asked.filter((mutant) => isInSample(mutant, sample))
  const count = (...states) => results.filter(({ status }) => states.includes(status)).length
  const found = count("Killed", "Timeout")
  const mutants = found + count("Survived", "NoCoverage")
  for (const mutant of results) if (mutant.status in LABELS) tell(mutant)
  const ignored = asked.filter(({ status }) => status === "Ignored").length
  const score = mutants === 0 ? 100 : (100 * found) / mutants
  return { part, mutants, found, score, ignored, all: asked.length - ignored }
}

/** Forgets mutants outside of the sample, so that a later run tests them. */
function dropSkipped(path) {
  if (!existsSync(path)) return
  const report = JSON.parse(readFileSync(path, "utf8"))
  for (const file of Object.values(report.files)) {
    file.mutants = file.mutants.filter(({ status }) => status !== "RuntimeError")
  }
  writeFileSync(path, JSON.stringify(report))
}

/** Whether a file is one of those patterns: a file, or a folder. Those that begin with "!" leave files out. */
function isAsked(file, patterns) {
  const fits = (pattern) => pattern === file || (pattern.endsWith("/**/*.ts") && file.startsWith(pattern.slice(0, -7)))
  const isOut = patterns.some((pattern) => pattern.startsWith("!") && fits(pattern.slice(1)))
  return !isOut && patterns.some(fits)
}

const LABELS = { Survived: "survived", NoCoverage: "untested", Timeout: "too long" }

function tell({ fileName, location, mutatorName, replacement, status }) {
  const { line, column } = location.start
  const text = (replacement ?? "").replace(/\s+/g, " ").slice(0, 100)
  console.log(`${LABELS[status]}  ${relative(root, fileName)}:${line}:${column} ${mutatorName} → ${text}`)
}

function line({ part, mutants, found, score, ignored, all }) {
  const { from, to } = interval(found, mutants)
  const sampled = mutants < all ? `, a sample of ${all}: ${percent(from)} to ${percent(to)} %` : ""
  return `${score.toFixed(1).padStart(5)} %  ${part}: ${found} of ${mutants} mutants found${sampled}, ${ignored} ignored`
}

const percent = (share) => (100 * share).toFixed(1)

main().catch((error) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
