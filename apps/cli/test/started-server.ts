import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

/** A server that listens. */
export interface Started {
  readonly url: string
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
}

/** Starts the built command as a server in a folder. It is killed after the test. `turbo run build` comes first. */
export async function serve(folder: string, ...args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, "serve", "--port", "0", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, url } = JSON.parse(line) as { readonly event: string; readonly url: string }
    if (event === "listening") return { url, child, ended }
  }
  throw new Error("the server ended before it listened")
}
