import { spawn } from "node:child_process"

/** How a program ended. */
export interface CommandResult {
  /** Null when a signal ended it, or it did not start. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** There is no such program, or it may not be run. */
  readonly missing: boolean
}

export interface CommandOptions {
  readonly environment?: NodeJS.ProcessEnv
  /** Milliseconds after which it is ended; no limit unless given. */
  readonly timeout?: number
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

/** How much of each stream is kept: enough for a compiler's complaints. */
const KEPT = 256 * 1024

/** Runs a program to its end, without a shell, and gives what it said. Never rejects. */
export function runCommand(
  program: string,
  args: readonly string[],
  { environment = process.env, timeout, signal }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: environment,
      timeout,
      signal,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    })
    const output = { stdout: "", stderr: "" }
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8")
      child[name].on("data", (text: string) => {
        output[name] = (output[name] + text).slice(-KEPT)
      })
    }
    let failure: NodeJS.ErrnoException | null = null
    child.on("error", (error: NodeJS.ErrnoException) => {
      failure = error
      // Without a process there is no "close".
      if (child.pid === undefined) {
        resolve({ code: null, signal: null, ...output, stderr: error.message, missing: true })
      }
    })
    child.on("close", (code, ended) => {
      resolve({ code, signal: ended, ...output, stderr: output.stderr || (failure?.message ?? ""), missing: false })
    })
  })
}

/** The last lines that a program wrote, which mostly say what went wrong. */
export function lastLines({ stderr, stdout }: CommandResult, count = 6): string {
  const text = stderr.trim() === "" ? stdout : stderr
  return text.trim().split("\n").slice(-count).join("\n")
}
