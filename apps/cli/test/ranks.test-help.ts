import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { afterEach } from "vitest"

/* Ranks of runs of the built command, for tests. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
export const TOKEN = "a secret of this test"

/** Runs commands that have the token in their environment. */
export async function withToken<T>(work: () => Promise<T>): Promise<T> {
  process.env.LLLITE_RANKS_TOKEN = TOKEN
  try {
    return await work()
  } finally {
    delete process.env.LLLITE_RANKS_TOKEN
  }
}

/** A rank that runs until it ends or is killed. */
export interface Rank {
  readonly child: ChildProcess
  /** The names of its events so far, with the parts that it computed at the end. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  readonly ended: Promise<number | null>
  until(event: string): Promise<void>
}

const ranks: ChildProcess[] = []
afterEach(() => {
  for (const child of ranks.splice(0)) child.kill("SIGKILL")
})

/** Starts the built command `rank`, which ends with the test. */
export function rankAt(address: string, token = TOKEN, more: readonly string[] = []): Rank {
  const args = ["rank", address, "--pretrained_model_name_or_path", "tiny", "--backend", "wasm", ...more]
  const env = { ...process.env, LLLITE_RANKS_TOKEN: token }
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ["ignore", "pipe", "inherit"] })
  ranks.push(child)
  const events: Record<string, unknown>[] = []
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    const lines = (text + more).split("\n")
    text = lines.pop() ?? ""
    events.push(...lines.map((line) => JSON.parse(line)))
  })
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  return {
    ...{ child, events, ended },
    async until(event) {
      while (!events.some((each) => each.event === event) && child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

/** An address of this machine at which nothing listens. */
export async function freeAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${typeof address === "object" ? address?.port : 0}`
}
