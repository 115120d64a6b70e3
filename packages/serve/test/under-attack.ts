import { randomUUID } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { hostileRequests, type Targets } from "./hostile-requests.ts"

/** What a server did with hostile requests. */
export interface AttackReport {
  /** Answers by trick and by status. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Answers that there may not be: of another status, with the secret, or none. */
  readonly wrong: readonly string[]
  /** How often the address of the requests was asked for. */
  readonly fetched: number
  /** The longest time until an answer, in seconds, and what was asked. */
  readonly slowest: { readonly seconds: number; readonly request: string }
}

/** What requests want to reach, and whether they did. */
export interface Bait extends Targets {
  readonly secret: string
  fetched(): number
  close(): Promise<void>
}

/** A secret file in a folder, and an address that counts. */
export async function layBait(folder: string): Promise<Bait> {
  let fetched = 0
  const server = createServer((_, answer) => {
    fetched += 1
    answer.end("x")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const secret = `secret ${randomUUID()}`
  await mkdir(folder, { recursive: true })
  const file = join(folder, "secret.png")
  await writeFile(file, secret)
  return {
    ...{ secret, file, address: `http://127.0.0.1:${port}`, fetched: () => fetched },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Statuses above 499 that are not faults: no room in the queue or on the disk. */
const FULL = [503, 507]

/** Seconds after which a request counts as without an answer. */
const LONGEST = 60

/** Sends hostile requests, a few at once. */
export async function attack(
  url: string,
  { seed, count, bait }: { readonly seed: number; readonly count: number; readonly bait: Bait },
): Promise<AttackReport> {
  const answers: Record<string, Record<string, number>> = {}
  const wrong: string[] = []
  let slowest = { seconds: 0, request: "" }
  const requests = hostileRequests(seed, count, bait)
  const secrets = [bait.secret, Buffer.from(bait.secret).toString("base64").replace(/=+$/, "")]
  const client = async (): Promise<void> => {
    for (const { trick, method, path, headers, body } of requests) {
      const start = performance.now()
      const shown = (): string =>
        `${trick}: ${method} ${path.slice(0, 100)} ${body === null ? "" : Buffer.from(body).toString("latin1").slice(0, 400)}`
      try {
        const answer = await fetch(`${url}${path}`, {
          ...{ method, headers, signal: AbortSignal.timeout(1000 * LONGEST) },
          ...(body === null ? {} : { body: new Uint8Array(body) }),
        })
        const text = await answer.text()
        const seconds = (performance.now() - start) / 1000
        if (seconds > slowest.seconds) slowest = { seconds, request: shown() }
        const counts = answers[trick] ?? {}
        answers[trick] = counts
        counts[answer.status] = (counts[answer.status] ?? 0) + 1
        if (answer.status >= 500 && !FULL.includes(answer.status))
          wrong.push(`${answer.status} ${text.slice(0, 200)} for ${shown()}`)
        if (secrets.some((secret) => text.includes(secret))) wrong.push(`the secret for ${shown()}`)
      } catch (error) {
        wrong.push(`no answer (${String(error)}) for ${shown()}`)
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  return { answers, wrong, slowest, fetched: bait.fetched() }
}
