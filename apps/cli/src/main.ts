#!/usr/bin/env node
import { runProgram } from "./program.ts"

// Whoever reads our output may close it before we are done: `lllite inspect … | head -1`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

process.exitCode = await runProgram(process.argv.slice(2))
