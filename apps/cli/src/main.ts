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

try {
  const { watchStreams } = await import("./terminal/streams.ts")
  const streams = watchStreams()
  const { watchInterrupt } = await import("./terminal/interrupt.ts")
  const interrupt = watchInterrupt()
  const { runProgram } = await import("./program.ts")
  process.exitCode = await streams.finish(await runProgram(process.argv.slice(2), interrupt))
  // Work without a result may go on after a signal.
  if (interrupt.signal.aborted) process.exit()
} catch (error) {
  // Node 20 opens all files of the program at once, before any of them can say what is wrong.
  if (!(error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE"))) throw error
  process.stderr.write("lllite: too many files are open. Close some programs, or raise the limit (ulimit -n 1024).\n")
  process.exit(1)
}
