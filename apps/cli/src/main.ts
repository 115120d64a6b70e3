#!/usr/bin/env node
import module from "node:module"
import { nodeProblem } from "@lllite/runtime-node/node-version"

const problem = nodeProblem(process.versions.node)
if (problem !== null) {
  process.stderr.write(`lllite: ${problem}\n`)
  process.exit(1)
}

// Compiled code is cached, so the next start is faster. Node 20 has no such cache.
module.enableCompileCache?.()

// The reader of our output may close it early: `lllite inspect … | head -1`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

const { watchInterrupt } = await import("./terminal/interrupt.ts")
const interrupt = watchInterrupt()
const { runProgram } = await import("./program.ts")
process.exitCode = await runProgram(process.argv.slice(2), interrupt)
// Work without a result may go on after a signal.
if (interrupt.signal.aborted) process.exit()
