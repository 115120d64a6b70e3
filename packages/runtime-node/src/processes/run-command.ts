import { spawn } from "node:child_process"

/** How a program ended. */
export interface CommandResult {
  /** The exit code. Null when a signal ended the program, or it did not start. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Whether the program does not exist or may not be run. */
  readonly missing: boolean
}

export interface CommandOptions {
  readonly environment?: NodeJS.ProcessEnv
  /** Milliseconds after which the program is ended. Default: no limit */
  readonly timeout?: number
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined
}

/** How many characters of each stream are kept: enough for a compiler's errors. */
const KEPT = 256 * 1024

/**
 * Runs a program to its end, without a shell, and returns its output. Never rejects. When the program is stopped, the
 * programs that it started are stopped, too.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  { environment = process.env, timeout, signal }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve({ code: null, signal: "SIGKILL", stdout: "", stderr: "", missing: false })
      return
    }
    // A separate process group, since many programs are scripts that start the real one.
    const isGroup = process.platform !== "win32"
    const child = spawn(program, args, { env: environment, detached: isGroup, stdio: ["ignore", "pipe", "pipe"] })
    const stop = (): void => {
      if (child.pid === undefined || child.exitCode !== null) return
      try {
        process.kill(isGroup ? -child.pid : child.pid, "SIGKILL")
      } catch {
        // The program has just ended.
      }
    }
    const timer = timeout === undefined ? undefined : setTimeout(stop, timeout)
    signal?.addEventListener("abort", stop)
    process.once("exit", stop)
    const finish = (result: CommandResult): void => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", stop)
      process.removeListener("exit", stop)
      resolve(result)
    }

    const output = { stdout: "", stderr: "" }
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8")
      child[name].on("data", (text: string) => {
        output[name] = (output[name] + text).slice(-KEPT)
      })
    }
    child.on("error", (error) => {
      // Without a process there is no event "close".
      if (child.pid === undefined) {
        finish({ code: null, signal: null, stdout: "", stderr: error.message, missing: true })
      }
    })
    child.on("close", (code, ended) => finish({ code, signal: ended, ...output, missing: false }))
  })
}

/** The last lines that a program wrote. They mostly hold the error. */
export function lastLines({ stderr, stdout }: CommandResult, count = 6): string {
  const text = stderr.trim() === "" ? stdout : stderr
  return text.trim().split("\n").slice(-count).join("\n")
}
