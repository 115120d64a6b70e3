#!/usr/bin/env node
// Runs what is slow and rarely breaks, and what `npm test` leaves out: the tests that need LLLITE_LONG or a server of S3,
// the suite in other versions of Node, and the packed packages in the projects of strangers. Prints the totals. Exits 1 if
// something fails.
// Arguments name the parts. Run after a build.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url))

/** Files with tests that run here only. */
const files = ["packages", "apps"]
  .flatMap((folder) => readdirSync(`${root}/${folder}`).map((name) => `${folder}/${name}`))
  .flatMap((owner) => ["src", "test"].map((part) => `${owner}/${part}`))
  .filter((part) => existsSync(`${root}/${part}`))
  .flatMap((part) => readdirSync(`${root}/${part}`, { recursive: true }).map((file) => `${part}/${file}`))
  .filter((file) => file.endsWith(".test.ts") && /longOnly|withS3/.test(readFileSync(`${root}/${file}`, "utf8")))

const PARTS = {
  tests: [vitest, "run", ...files],
  matrix: ["scripts/matrix.mjs"],
  node: ["scripts/node-versions.mjs", "--suite"],
}

// The server with the API of S3 that some tests need. It takes minutes to build, once.
const versitygw = spawnSync(`${root}/scripts/versitygw.sh`, { stdio: ["ignore", "ignore", "inherit"] })
if (versitygw.status !== 0) console.error("there is no versitygw: stores are not tested on S3")

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !Object.hasOwn(PARTS, name))
if (unknown.length > 0) throw new Error(`there is no part "${unknown[0]}", expected ${Object.keys(PARTS).join(", ")}`)
const results = Object.entries(PARTS)
  .filter(([name]) => asked.length === 0 || asked.includes(name))
  .map(([name, args]) => {
    const start = performance.now()
    const env = { ...process.env, LLLITE_LONG: "1" }
    const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: "inherit" })
    return { name, status, minutes: ((performance.now() - start) / 60_000).toFixed(1) }
  })
console.log("")
for (const { name, status, minutes } of results) {
  console.log(`long, ${name.padEnd(8)} ${status === 0 ? "passed" : "FAILED"} in ${minutes} minutes`)
}
const failed = results.filter(({ status }) => status !== 0).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
