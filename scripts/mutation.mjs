#!/usr/bin/env node
// Changes the code in small ways (mutants), and runs the tests that go through each change. A mutant that no test finds
// survives:
//   npm run mutation -- [--all] [--since COMMIT] [PATH…]
// PATH is a folder or a file of the parts in scripts/mutation/parts.mjs. Without one: the files that differ from the
// merge base with main, or with COMMIT. Results are kept in reports/mutation, so that a second run tests only what has
// changed since. Exits 1 if a part's score is under 85 %.
import { execFileSync } from "node:child_process"
import { mkdirSync, statSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Stryker } from "@stryker-mutator/core"
import { PARTS } from "./mutation/parts.mjs"

const LOWEST_SCORE = 85
const root = fileURLToPath(new URL("..", import.meta.url))
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim()

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { all: { type: "boolean", default: false }, since: { type: "string", default: "main" } },
  })
  process.chdir(root)
  const asked = values.all ? Object.keys(PARTS) : positionals.length > 0 ? positionals : changedFiles(values.since)
  const unknown = positionals.find((path) => !Object.keys(PARTS).some((part) => within(part, path).length > 0))
  if (unknown !== undefined) {
    throw new Error(`mutation: "${unknown}" lies in no part. There are: ${Object.keys(PARTS).join(", ")}.`)
  }
  const rows = []
  for (const [part, tests] of Object.entries(PARTS)) {
    const files = asked.flatMap((path) => within(part, path))
    if (files.length > 0) rows.push(await run(part, tests, files))
  }
  if (rows.length === 0) return console.log("mutation: no file of the parts was asked for, or has changed")
  for (const row of rows) console.log(line(row))
  if (rows.some(({ score }) => score < LOWEST_SCORE)) {
    console.log(`mutation: a part is under ${LOWEST_SCORE} %. The survivors stand above.`)
    process.exitCode = 1
  }
}

/** What of `path` belongs to a part, as patterns of StrykerJS. */
function within(part, path) {
  const asked = relative(root, resolve(path)).replaceAll("\\", "/")
  if (part === asked || part.startsWith(`${asked}/`)) return sources(part)
  if (!asked.startsWith(`${part}/`) || asked in PARTS) return []
  return sources(asked)
}

/** The code of a folder without tests and without what is a part of its own, or a file. */
function sources(path) {
  if (!statSync(path).isDirectory()) return [path]
  const others = Object.keys(PARTS).filter((part) => part.startsWith(`${path}/`))
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

async function run(part, tests, mutate) {
  const name = part
    .replace(/^packages\//, "")
    .replace(/\/src/, "")
    .replace(/\.ts$/, "")
    .replaceAll("/", "-")
  mkdirSync("reports/mutation", { recursive: true })
  const all = await new Stryker({
    mutate,
    testFiles: tests,
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner", "./scripts/mutation/ignore-messages.mjs"],
    vitest: { configFile: "scripts/mutation/vitest.config.ts" },
    ignorers: ["messages"],
    coverageAnalysis: "perTest",
    // A mutant of code that runs while a file is loaded would need every test.
    ignoreStatic: true,
    concurrency: 1,
    // A busy machine is slow. A loop without an end is found by its number of turns, long before this limit.
    timeoutMS: 20_000,
    incremental: true,
    incrementalFile: `reports/mutation/${name}.json`,
    ignorePatterns: ["reports", "bench", "docs", "**/dist"],
    reporters: ["progress-append-only"],
    allowEmpty: true,
    logLevel: "warn",
  }).runMutationTest()
  // Results of other files are kept beside those of this run.
  const results = all.filter(({ fileName }) => isAsked(relative(root, fileName).replaceAll("\\", "/"), mutate))
  const count = (...states) => results.filter(({ status }) => states.includes(status)).length
  const found = count("Killed", "Timeout")
  const mutants = found + count("Survived", "NoCoverage")
  for (const mutant of results.filter(({ status }) => status === "Survived" || status === "NoCoverage")) tell(mutant)
  return { part, mutants, found, score: mutants === 0 ? 100 : (100 * found) / mutants, ignored: count("Ignored") }
}

/** Whether a file is one of those patterns: a file, or a folder. Patterns of what is left out have no result. */
function isAsked(file, patterns) {
  return patterns.some(
    (pattern) => pattern === file || (pattern.endsWith("/**/*.ts") && file.startsWith(pattern.slice(0, -7))),
  )
}

function tell({ fileName, location, mutatorName, replacement, status }) {
  const { line, column } = location.start
  const text = (replacement ?? "").replace(/\s+/g, " ").slice(0, 100)
  console.log(
    `${status === "Survived" ? "survived" : "untested"}  ${relative(root, fileName)}:${line}:${column} ${mutatorName} → ${text}`,
  )
}

const line = ({ part, mutants, found, score, ignored }) =>
  `${score.toFixed(1).padStart(5)} %  ${part}: ${found} of ${mutants} mutants found, ${ignored} ignored`

main().catch((error) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
