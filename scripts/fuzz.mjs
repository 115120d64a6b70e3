#!/usr/bin/env node
// Tests each property of the readers with 100,000 cases. The argument is another number of cases.
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const [runs = "100000"] = process.argv.slice(2)
if (!/^[1-9]\d*$/.test(runs)) throw new RangeError(`"${runs}" is not a number of cases`)
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, "run", "packages/format/src/safetensors"], {
  stdio: "inherit",
  env: { ...process.env, LLLITE_FUZZ_RUNS: runs },
})
process.exitCode = status ?? 1
