#!/usr/bin/env node
import module from "node:module"

// What was compiled once starts faster the next time. Node 20 cannot do so.
module.enableCompileCache?.()

// Whoever reads our output may close it before we are done: `lllite inspect … | head -1`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

const { runProgram } = await import("./program.ts")
process.exitCode = await runProgram(process.argv.slice(2))
