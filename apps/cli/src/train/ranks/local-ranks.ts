import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { TOKEN_VARIABLE } from "../../ranks/token.ts"
import type { Reporter } from "../../terminal/progress.ts"

/** Ranks that run on this machine. */
export interface LocalRanks {
  /** Their end is not a fault any more. */
  letGo(): void
  /** Resolves when all have ended. One that does not end by itself is ended. */
  ended(): Promise<void>
}

/** Where ranks join, and the arguments of their command. */
interface Joining {
  readonly address: string
  readonly token: string
  readonly line: readonly string[]
}

/** Milliseconds that a rank gets to end, and characters of its errors that are shown. */
const END_TIME = 5000
const SHOWN = 2000

/**
 * Starts ranks as processes. They end with this process, also when it is killed, since their channel to it then closes.
 */
export function startLocalRanks(
  count: number,
  { address, token, line }: Joining,
  reporter: Reporter,
  stopping: AbortSignal,
): LocalRanks {
  // Chunks of the build lie beside the program.
  const program = fileURLToPath(new URL("./main.js", import.meta.url))
  let isOver = false
  const start = (_: unknown, index: number): { readonly child: ChildProcess; readonly exit: Promise<void> } => {
    const name = `rank ${index + 1}`
    const child = spawn(process.execPath, [program, "rank", address, "--name", name, ...line], {
      env: { ...process.env, [TOKEN_VARIABLE]: token },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    })
    let errors = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-SHOWN)
    })
    child.on("error", (error) => {
      errors += error.message
    })
    const exit = new Promise<void>((resolve) => {
      child.once("close", (code, signal) => {
        // Ctrl-C of a terminal ends the ranks, too.
        if (!isOver && !stopping.aborted && code !== 0) {
          const why = errors.trim() || `it ended with ${signal ?? `code ${code}`}`
          reporter.say("notice", { text: `${name}: ${why}` }, `Note: ${name} has ended: ${why}`)
        }
        resolve()
      })
    })
    return { child, exit }
  }
  const all = Array.from({ length: count }, start)
  return {
    letGo() {
      isOver = true
    },
    async ended() {
      const timer = setTimeout(() => {
        for (const { child } of all) child.kill("SIGKILL")
      }, END_TIME)
      await Promise.all(all.map(({ exit }) => exit))
      clearTimeout(timer)
    },
  }
}
