import { describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { lastLines, runCommand } from "./run-command.ts"

const node = (script: string, options = {}) => runCommand(process.execPath, ["-e", script], options)
/** A program that starts another one. That one would run for an hour and keeps the same output open. */
const PARENT = `const { spawn } = require("node:child_process")
spawn(process.execPath, ["-e", "setTimeout(() => {}, 3600_000)"], { stdio: "inherit" })
console.log("both run")
setTimeout(() => {}, 3600_000)`

describe("runCommand", () => {
  it("returns the output of a program, and its code", async () => {
    const result = await node('console.log("out"); console.error("err"); process.exitCode = 3')
    expect(result).toEqual({ code: 3, signal: null, stdout: "out\n", stderr: "err\n", missing: false })
    expect(lastLines(result)).toBe("err")
  })

  it("reports a program that does not exist", async () => {
    expect(await runCommand("/nowhere/program", [])).toMatchObject({ code: null, missing: true })
  })

  it.each(["timeout", "signal"])(
    "ends a program and what it has started (by %s)",
    needs("signals, which Windows does not have", process.platform !== "win32"),
    async (way) => {
      const controller = new AbortController()
      const running = node(PARENT, way === "timeout" ? { timeout: 5000 } : { signal: controller.signal })
      if (way === "signal") setTimeout(() => controller.abort(), 5000)
      // The promise settles only when no process keeps the output open.
      expect(await running).toMatchObject({ signal: "SIGKILL", code: null })
    },
  )

  it("starts nothing when the signal is aborted already", async () => {
    expect(await node('console.log("ran")', { signal: AbortSignal.abort() })).toMatchObject({ code: null, stdout: "" })
  })
})
