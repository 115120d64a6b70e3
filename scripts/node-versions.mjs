#!/usr/bin/env node
// Runs the built packages in every major version of Node from 20 to 26: @lllite/format imported and required, and
// `lllite inspect` and `lllite convert`. npx fetches each version. Arguments name other versions. Run after a build.
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The oldest version that the packages accept, and the newest of every major version. */
const VERSIONS = ["20.19.0", "20", "21", "22", "23", "24", "25", "26"]

const root = fileURLToPath(new URL("..", import.meta.url))
const check = join(root, "packages/format/test/every-node.mjs")
const lllite = join(root, "apps/cli/dist/main.js")
if (!existsSync(lllite)) throw new Error("the packages are not built: run npm run build first")

const folder = mkdtempSync(join(tmpdir(), "lllite-node-"))
try {
  const asked = process.argv.slice(2)
  for (const version of asked.length > 0 ? asked : VERSIONS) {
    const verdict = tryVersion(version)
    console.log(`node ${version.padEnd(8)} ${verdict.problem ?? `${verdict.found}: works`}`)
    if (verdict.problem !== undefined) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true })
}

function tryVersion(version) {
  const npx = process.platform === "win32" ? "npx.cmd" : "npx"
  const where = "console.log(process.execPath + '\\n' + process.version)"
  const fetched = run(npx, ["-y", `node@${version}`, "-e", where], process.platform === "win32")
  if (fetched.problem !== undefined) return { problem: `cannot be fetched: ${fetched.problem}` }
  const [node, found] = fetched.stdout.trim().split("\n").slice(-2)
  const file = join(folder, `${found}.safetensors`)
  const half = join(folder, `${found}-half.safetensors`)
  for (const args of [
    [check, file],
    [lllite, "convert", file, "--output", half, "--dtype", "F16"],
    [lllite, "inspect", half, "--json", "--health"],
  ]) {
    const { problem, stdout } = run(node, args)
    if (problem !== undefined) return { problem }
    if (args[1] === "inspect" && JSON.parse(stdout).dtypes.F16 !== 224) return { problem: `inspect says: ${stdout}` }
  }
  return { found }
}

/** Runs a program. If it fails, its output is the problem. */
function run(command, args, shell = false) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", cwd: folder, shell })
  return status === 0 ? { stdout } : { problem: error?.message ?? (stderr.trim() || `it ended with ${status}`) }
}
