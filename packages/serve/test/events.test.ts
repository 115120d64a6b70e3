import { describe, expect, it } from "vitest"
import { QUEUES, useRedis } from "./queues.ts"
import { endedJob, gate, startJob, testFolder, testRunner } from "./test-server.ts"

interface Seen {
  readonly id: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** The events of a text/event-stream. */
function eventsOf(text: string): readonly Seen[] {
  return text.split("\n\n").flatMap((block) => {
    const [, id, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? []
    return id === undefined ? [] : [{ id: Number(id), type: type ?? "", data: JSON.parse(data ?? "") as Seen["data"] }]
  })
}

async function eventsAfter(url: string, id: string, last?: number): Promise<readonly Seen[]> {
  const headers: Record<string, string> = last === undefined ? {} : { "last-event-id": String(last) }
  return eventsOf(await (await fetch(`${url}/v1/jobs/${id}/events`, { headers })).text())
}

useRedis()

for (const { queue, options, open } of QUEUES) {
  describe(queue, options, () => {
    describe("the events of a job", () => {
      it("end with its state, and come again in order after a lost connection", async () => {
        const [half, rest] = [gate(), gate()]
        const { url } = await open({
          runner: testRunner(async ({ report }) => {
            report({ type: "notice", text: "first" })
            half.open()
            await rest.opened
            report({ type: "progress", phase: "generate", done: 1, count: 2 })
            report({ type: "notice", text: "second" })
          }),
        })
        const { id } = await startJob(url)
        await half.opened
        // The connection is lost after the first notice.
        const lost = new AbortController()
        const answer = await fetch(`${url}/v1/jobs/${id}/events`, { signal: lost.signal })
        let text = ""
        for await (const piece of answer.body ?? []) {
          text += Buffer.from(piece).toString()
          if (text.includes("first")) break
        }
        lost.abort()
        rest.open()
        const before = eventsOf(text)
        const after = await eventsAfter(url, id, before.at(-1)?.id)
        const kept = [...before, ...after].filter(({ type }) => type !== "progress")
        expect(kept.map(({ type, data }) => data.state ?? data.text ?? type)).toEqual([
          ...["queued", "running", "first", "second"],
          ...["result", "done"],
        ])
        const ids = [...before, ...after].map((event) => event.id)
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
        expect(await eventsAfter(url, id, ids.at(-1))).toEqual([])
      })

      it("go on after a restart with ids that are greater", async () => {
        const folder = await testFolder()
        const started = gate()
        const first = await open({
          folder,
          limits: { stopSeconds: 0 },
          runner: testRunner(async ({ report, signal }) => {
            report({ type: "progress", phase: "generate", done: 0.5, count: 1 })
            started.open()
            await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
          }),
        })
        const { id } = await startJob(first.url)
        await started.opened
        // Closing ends the stream.
        const seen = eventsAfter(first.url, id)
        await first.close()
        const last = (await seen).at(-1)?.id
        const { url } = await open({ folder })
        const more = await eventsAfter(url, id, last)
        expect(more.at(-1)).toMatchObject({ type: "state", data: { state: "done" } })
        expect(Math.min(...more.map((event) => event.id))).toBeGreaterThan(last ?? 0)
        expect((await endedJob(url, id)).attempts).toBe(1)
      })
    })
  })
}
