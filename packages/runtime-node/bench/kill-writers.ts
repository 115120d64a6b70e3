// Kills a program during saves, 500 times or as often as the argument says, and counts the faults.
// Run: node packages/runtime-node/bench/kill-writers.ts [kills]
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { killWriters } from "../test/kill-writers.ts"

const folder = await mkdtemp(join(tmpdir(), "lllite-kill-"))
const result = await killWriters(folder, Number(process.argv[2] ?? 500))
await rm(folder, { recursive: true })
console.log(JSON.stringify(result))
process.exitCode = result.corrupt + result.lost + result.litter.length > 0 ? 1 : 0
