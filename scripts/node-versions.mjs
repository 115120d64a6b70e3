#!/usr/bin/env node
// Runs the built packages in every major version of Node from 20 to 26: @lllite/format imported and required, the command,
// and a picture drawn by the runtime. Versions that are too old must get a sentence. With --suite, runs all tests in the
// oldest version, 22 and 24 instead. npx fetches each version. Arguments name other versions. Run after a build.
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

/** The oldest version that the packages accept, and the newest of every major version. */
const VERSIONS = ["20.19.0", "20", "21", "22", "23", "24", "25", "26"]
/** Versions that are too old, and those that run the suite. */
const TOO_OLD = ["16", "18", "20.18"]
const OF_SUITE = ["20.19.0", "22", "24"]
/** What says that a version is too old. */
const TOO_OLD_SENTENCE = /this is Node .*, expected 20\.19\.0 or newer\. Install a newer Node/

const root = fileURLToPath(new URL("..", import.meta.url))
const check = join(root, "packages/format/test/every-node.mjs")
const runtime = pathToFileURL(join(root, "packages/runtime-node/dist/index.js")).href
const lllite = join(root, "apps/cli/dist/main.js")
if (!existsSync(lllite)) throw new Error("the packages are not built: run npm run build first")

const folder = mkdtempSync(join(tmpdir(), "lllite-node-"))
const suite = process.argv.includes("--suite")
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("-"))
let failed = 0
let passed = 0
try {
  const versions = suite ? OF_SUITE : [...TOO_OLD, ...VERSIONS]
  for (const version of asked.length > 0 ? asked : versions) {
    const verdict = suite ? runSuite(version) : TOO_OLD.includes(version) ? tryOld(version) : tryVersion(version)
    console.log(`node ${version.padEnd(8)} ${verdict.problem ?? `${verdict.found}: ${verdict.works ?? "works"}`}`)
    if (verdict.problem === undefined) passed += 1
    else failed += 1
  }
} finally {
  rmSync(folder, { recursive: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** Fetches a version. Gives the path of its program and its number, or the problem. */
function fetchNode(version) {
  const npx = process.platform === "win32" ? "npx.cmd" : "npx"
  const where = "console.log(process.execPath + '\\n' + process.version)"
  const fetched = run(npx, ["-y", `node@${version}`, "-e", where], { shell: process.platform === "win32" })
  if (fetched.problem !== undefined) return { problem: `cannot be fetched: ${fetched.problem}` }
  const [node, found] = fetched.stdout.trim().split("\n").slice(-2)
  return { node, found }
}

function tryVersion(version) {
  const { node, found, problem } = fetchNode(version)
  if (problem !== undefined) return { problem }
  const file = join(folder, `${found}.safetensors`)
  const half = join(folder, `${found}-half.safetensors`)
  const draw = [
    "--ckpt",
    "tiny",
    "--prompt",
    "a red star",
    "--W",
    "64",
    "--H",
    "64",
    "--steps",
    "1",
    "--backend",
    "wasm",
  ]
  for (const args of [
    [check, file],
    [lllite, "convert", file, "--output", half, "--dtype", "F16"],
    [lllite, "inspect", half, "--json", "--health"],
    [lllite, "generate", ...draw, "--outdir", join(folder, found)],
  ]) {
    const { problem, stdout } = run(node, args)
    if (problem !== undefined) return { problem }
    if (args[1] === "inspect" && JSON.parse(stdout).dtypes.F16 !== 224) return { problem: `inspect says: ${stdout}` }
  }
  return { found }
}

/** The command and the library must say what is needed, whatever else they would do. */
function tryOld(version) {
  const { node, found, problem } = fetchNode(version)
  if (problem !== undefined) return { problem }
  const library = `import(${JSON.stringify(runtime)}).then((all) => all.createNodeRuntime({ backend: "wasm" }))`
  for (const args of [
    [lllite, "--help"],
    [lllite, "generate"],
    ["-e", `${library}.catch((error) => { console.error(error.message); process.exit(1) })`],
  ]) {
    const result = run(node, args)
    if (result.problem === undefined) return { problem: `${args[0]} ran, expected a sentence` }
    if (!TOO_OLD_SENTENCE.test(result.problem)) return { problem: `${args.join(" ")} says: ${result.problem}` }
  }
  return { found, works: "says that it is too old" }
}

/** Runs all tests in a version. Threads and processes that tests start from sources need their types removed. */
function runSuite(version) {
  const { node, found, problem } = fetchNode(version)
  if (problem !== undefined) return { problem }
  const [major, minor] = found.slice(1).split(".").map(Number)
  const strips = major > 22 || (major === 22 && minor >= 18)
  const hooks = new URL("node-versions/register.mjs", import.meta.url).href
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  if (!strips) env.NODE_OPTIONS = `--import=${hooks}`
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const { status } = spawnSync(node, [vitest, "run"], { cwd: root, env, stdio: "inherit" })
  return status === 0 ? { found, works: "runs the suite" } : { problem: `${found}: the suite ended with ${status}` }
}

/** Runs a program. If it fails, its output is the problem. */
function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", cwd: folder, ...options })
  return status === 0 ? { stdout } : { problem: error?.message ?? (stderr.trim() || `it ended with ${status}`) }
}
