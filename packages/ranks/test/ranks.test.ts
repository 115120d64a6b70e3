import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { setTimeout as wait } from "node:timers/promises"
import type { StepPart } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import type { OwnEvent, RankOptions } from "../src/index.ts"
import { RanksError } from "../src/index.ts"
import { packMessage } from "../src/message.ts"
import { CERTIFICATE, KEY } from "./certificate.ts"
import { atEnd, hubWith, IDENTITY, partOf, rankOf, TOKEN, timesStep, until } from "./started.ts"

const { signal } = new AbortController()

describe("ranks", () => {
  it("compute the parts that they are given, as many at a time as they have places", async () => {
    const { hub, events } = await hubWith()
    expect(hub.places()).toBe(0)
    expect(await hub.gradient(partOf(1), signal)).toBeNull()
    let [now, most] = [0, 0]
    const gradient = async (part: StepPart): Promise<LossAndGradients> => {
      now += 1
      most = Math.max(most, now)
      await wait(20)
      now -= 1
      return timesStep(part)
    }
    rankOf(hub, { places: 2, gradient })
    rankOf(hub, { name: "rank 2", places: 1, gradient })
    await until(() => hub.places() === 3)
    const works = [2, 4, 6].map((step) => hub.gradient(partOf(step), signal))
    expect(hub.places()).toBe(0)
    expect(await hub.gradient(partOf(8), signal)).toBeNull()
    const results = await Promise.all(works)
    expect(results.map((result) => result?.loss)).toEqual([0.25, 0.5, 0.75])
    expect([...(results[1]?.gradients ?? [])]).toEqual([4, 8, 12])
    expect(most).toBe(3)
    expect(hub.places()).toBe(3)
    expect(events.map(({ kind, ranks }) => `${kind} ${ranks}`)).toEqual(["joined 1", "joined 2"])
  })

  it("get everything of a part as it was, and large values whole", async () => {
    const { hub } = await hubWith()
    const seen: StepPart[] = []
    rankOf(hub, {
      gradient: async (part) => {
        seen.push(part)
        return { loss: Number.NaN, gradients: part.lllite.values }
      },
    })
    await until(() => hub.places() === 1)
    const values = Float32Array.from({ length: 3_000_001 }, (_, i) => Math.sin(i))
    const part = partOf(7, values)
    const result = await hub.gradient(part, signal)
    expect(result?.loss).toBeNaN()
    expect(result?.gradients.length).toBe(values.length)
    expect(result?.gradients.every((value, i) => value === values[i])).toBe(true)
    expect(seen[0]?.encoding).toEqual(part.encoding)
    expect(seen[0]?.task).toEqual(part.task)
  })

  it("say how often they have computed a part again", async () => {
    const { hub } = await hubWith()
    rankOf(hub, {
      gradient: async (part) => ({ ...(await timesStep(part)), ...(part.task.step === 2 && { repeats: 3 }) }),
    })
    await until(() => hub.places() === 1)
    expect(await hub.gradient(partOf(2), signal)).toMatchObject({ loss: 0.25, repeats: 3 })
    expect(await hub.gradient(partOf(4), signal)).not.toHaveProperty("repeats")
  })

  it("may be lost within a part, which is then computed elsewhere, and may come back", async () => {
    const { hub, events } = await hubWith()
    const { leave } = rankOf(hub, { gradient: () => new Promise(() => {}) })
    await until(() => hub.places() === 1)
    const work = hub.gradient(partOf(1), signal)
    await wait(20)
    leave()
    expect(await work).toBeNull()
    expect(hub.places()).toBe(0)
    rankOf(hub)
    await until(() => hub.places() === 1)
    expect((await hub.gradient(partOf(3), signal))?.loss).toBe(3 / 8)
    expect(events.map(({ kind }) => kind)).toEqual(["joined", "lost", "joined"])
  })

  it("end the run when one is lost, if that is asked for", async () => {
    const { hub } = await hubWith({ lost: "stop" })
    const { leave } = rankOf(hub, { gradient: () => new Promise(() => {}) })
    await until(() => hub.places() === 1)
    const work = hub.gradient(partOf(1), signal).catch((error: unknown) => error)
    await wait(20)
    leave()
    expect(await work).toMatchObject({
      code: "rank-lost",
      message: expect.stringContaining("rank 1 (127.0.0.1) was lost"),
    })
  })

  it("end the run when one is lost between two parts, if that is asked for", async () => {
    const { hub } = await hubWith({ lost: "stop" })
    const { leave } = rankOf(hub)
    await until(() => hub.places() === 1)
    expect((await hub.gradient(partOf(1), signal))?.loss).toBe(1 / 8)
    leave()
    await until(() => hub.ranks() === 0)
    expect(() => hub.places()).toThrow("rank 1 (127.0.0.1) was lost")
  })

  it("stop within a part that is aborted, and stay", async () => {
    const { hub } = await hubWith()
    const stopped: unknown[] = []
    rankOf(hub, {
      gradient: (part, signal) =>
        part.task.step === 2
          ? timesStep(part)
          : new Promise((_, reject) =>
              signal.addEventListener("abort", () => {
                stopped.push(part.task.step)
                reject(new Error("aborted"))
              }),
            ),
    })
    await until(() => hub.places() === 1)
    const controller = new AbortController()
    const work = hub.gradient(partOf(1), controller.signal).catch((error: unknown) => error)
    await wait(20)
    controller.abort(new Error("enough"))
    expect(await work).toMatchObject({ message: "enough" })
    await until(() => hub.places() === 1)
    expect(stopped).toEqual([1])
    expect((await hub.gradient(partOf(2), signal))?.loss).toBe(2 / 8)
  })

  it("are let go when the run ends", async () => {
    const { hub } = await hubWith()
    const { ended } = rankOf(hub)
    await until(() => hub.places() === 1)
    await hub.close()
    expect(await ended).toBe("end")
  })

  it("wait for a leading process that is not there yet, and say after a while that it is missing", async () => {
    const first = await hubWith()
    const { address } = first.hub
    await first.hub.close()
    const events: string[] = []
    const ended = rankOf({ ...first.hub, address }, { patience: 600, onEvent: ({ kind }) => events.push(kind) })
    await until(() => events.length > 0)
    const { hub } = await hubWith({ port: address.port })
    await until(() => hub.places() === 1)
    await hub.close()
    expect(await ended.ended).toBe("end")
    expect(events).toEqual(["waiting", "joined"])
    const missing = rankOf({ ...hub, address }, { patience: 0 })
    expect(await missing.ended).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(`127.0.0.1:${address.port}`),
    })
  })

  it("wait for a run that was stopped before its end", async () => {
    const first = await hubWith()
    const { address } = first.hub
    const events: string[] = []
    const note = (event: OwnEvent): void => void events.push("reason" in event ? event.reason : event.kind)
    const { ended } = rankOf(first.hub, { onEvent: note })
    await until(() => first.hub.ranks() === 1)
    await first.hub.close("stopped")
    const { hub } = await hubWith({ port: address.port })
    await until(() => hub.ranks() === 1)
    await hub.close()
    expect(await ended).toBe("end")
    expect(events).toEqual(["joined", "the training was stopped, and may be continued", "joined"])
  })

  it("wait for a program behind a proxy, and not for another program", async () => {
    let status = 503
    const proxy = createServer((_, response) => response.writeHead(status).end())
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
    atEnd(() => new Promise((resolve) => proxy.close(resolve)))
    const address = { host: "127.0.0.1", port: (proxy.address() as AddressInfo).port }
    const { hub } = await hubWith()
    expect(await rankOf({ ...hub, address }, { patience: 0 }).ended).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("status 503"),
    })
    status = 404
    expect(await rankOf({ ...hub, address }).ended).toMatchObject({ code: "refused" })
  })

  it("wait for a name that is not known yet", async () => {
    const { hub } = await hubWith()
    const events: string[] = []
    const address = { host: "leader.invalid", port: 80 }
    const rank = rankOf({ ...hub, address }, { onEvent: ({ kind }) => events.push(kind) })
    await until(() => events.length > 0)
    rank.leave()
    expect(await rank.ended).toMatchObject({ message: "left" })
    expect(events).toEqual(["waiting"])
  })

  it("are refused with another token, version, backend or model, each by its name", async () => {
    const { hub, events } = await hubWith()
    const refused = async (changes: Partial<RankOptions>): Promise<unknown> => rankOf(hub, changes).ended
    expect(await refused({ token: "another" })).toMatchObject({
      code: "refused",
      message: expect.stringMatching(/token/),
    })
    for (const [name, value] of Object.entries({ version: "1.2.4", backend: "tensorflow", model: "other" })) {
      const error = await refused({ identity: { ...IDENTITY, [name]: value } })
      const message = `its ${name} is ${value}, expected ${IDENTITY[name as keyof typeof IDENTITY]}.`
      expect(error).toMatchObject({ code: "refused", message: expect.stringContaining(message) })
    }
    expect(events.map(({ kind }) => kind)).toEqual(["refused", "refused", "refused"])
    expect(hub.places()).toBe(0)
  })

  it("are dropped for what is not an answer, and the run goes on", async () => {
    const { hub, events } = await hubWith()
    const wrong: readonly Partial<RankOptions>[] = [
      { gradient: async () => ({ loss: 1, gradients: new Float32Array(2) }) },
      { gradient: async () => Promise.reject(new Error("no memory is left")) },
      { gradient: async () => ({ loss: "1", gradients: new Float32Array(3) }) as never },
    ]
    for (const changes of wrong) {
      const { leave } = rankOf(hub, changes)
      await until(() => hub.places() === 1)
      expect(await hub.gradient(partOf(1), signal)).toBeNull()
      leave()
      await until(() => hub.places() === 0)
    }
    const reasons = events.flatMap((event) => (event.kind === "lost" ? [event.reason] : []))
    expect(reasons.slice(0, 3)).toEqual([
      "it could not compute: it computed 2 gradients, expected 3",
      "it could not compute: no memory is left",
      "it sent a message of another form",
    ])
  })

  it("are dropped when a part cannot be sent, and it is not waited for", async () => {
    const { hub, events } = await hubWith()
    rankOf(hub)
    await until(() => hub.places() === 1)
    const part = partOf(1)
    const rows = [{ text: { caption: "a".repeat(17 * 2 ** 20) } }] as unknown as StepPart["rows"]
    expect(await hub.gradient({ ...part, rows }, signal)).toBeNull()
    expect(events[1]).toMatchObject({ kind: "lost", reason: expect.stringContaining("a message's head has") })
  })

  it("speak TLS", async () => {
    const { hub } = await hubWith({ tls: { certificate: CERTIFICATE, key: KEY } })
    rankOf(hub, { tls: { ca: CERTIFICATE } })
    await until(() => hub.places() === 1)
    expect((await hub.gradient(partOf(2), signal))?.loss).toBe(2 / 8)
    const unknown = await rankOf(hub, { tls: {}, patience: 0 }).ended
    expect(unknown).toMatchObject({ code: "unreachable", message: expect.stringContaining("self-signed certificate") })
    const plain = await rankOf(hub, { patience: 0 }).ended
    expect(plain).toBeInstanceOf(RanksError)
  })

  it.each(["", "a b", "http://host", "[::1"])("refuse %j as a host", async (host) => {
    const { hub } = await hubWith()
    expect(await rankOf({ ...hub, address: { host, port: 80 } }).ended).toMatchObject({ code: "address" })
  })

  it("need a token, and a free port", async () => {
    await expect(hubWith({ token: "" })).rejects.toMatchObject({ code: "token-missing" })
    const { hub } = await hubWith()
    const { port } = hub.address
    await expect(hubWith({ port })).rejects.toMatchObject({
      code: "address",
      message: expect.stringContaining("another program"),
    })
  })

  it("are not disturbed by strangers", async () => {
    const { hub } = await hubWith()
    rankOf(hub)
    await until(() => hub.places() === 1)
    const { port } = hub.address
    const stranger = (frames: readonly (string | Uint8Array)[]): Promise<unknown> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/ranks`, { headers: { authorization: `Bearer ${TOKEN}` } })
        socket.on("open", () => {
          for (const frame of frames) socket.send(frame)
        })
        socket.on("error", () => {})
        socket.on("close", resolve)
      })
    const hello = { kind: "hello", name: "x", places: 1, identity: IDENTITY }
    for (const message of [
      1,
      {},
      { kind: "hello" },
      { ...hello, places: 1e9 },
      { ...hello, identity: { version: 1 } },
    ]) {
      await stranger(packMessage(message))
    }
    await stranger(["text"])
    await stranger([new Uint8Array(5 * 2 ** 20)])
    await stranger(packMessage({ kind: "result", id: 0, loss: 1 }))
    await stranger(packMessage({ ...hello, protocol: 1, gradients: new Float32Array(3) }))
    await stranger(packMessage({ ...hello, name: "a".repeat(70_000) }))
    const message = { ...hello, protocol: 2 }
    const pieces = [{ from: 0, values: new Float32Array(3) }]
    await stranger([...packMessage(message), ...packMessage({ kind: "pieces", id: -1, pieces })])
    await stranger([...packMessage(message), ...packMessage({ kind: "pieces", id: 1, pieces: [{ from: 0 }] })])
    await stranger([...packMessage(message), ...packMessage(message)])
    const plain = connect(port, "127.0.0.1", () => plain.end("GET / HTTP/1.1\r\n\r\n"))
    await new Promise((resolve) => plain.on("close", resolve).resume())
    expect(await fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status)).toBe(404)
    await until(() => hub.places() === 1)
    expect((await hub.gradient(partOf(2), signal))?.loss).toBe(2 / 8)
  })
})
