import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished } from "vitest"

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

/** A job as the server shows it. */
export interface SeenJob {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly results: readonly { readonly name: string; readonly sha256: string }[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Gives a server a job. */
export async function startJob(url: string, body: object): Promise<SeenJob> {
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`${url}/v1/jobs`, { method: "POST", headers, body: JSON.stringify(body) })
  expect(answer.status, await answer.clone().text()).toBe(202)
  return (await answer.json()) as SeenJob
}

/** A job after its end, for which this waits. */
export async function endedJob(url: string, id: string): Promise<SeenJob> {
  await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
  return (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as SeenJob
}
