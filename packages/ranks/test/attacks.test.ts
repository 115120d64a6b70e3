import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { packMessage } from "../src/message.ts"
import { atEnd, hubWith, IDENTITY, partOf, rankOf, TOKEN, until } from "./started.ts"

const { signal } = new AbortController()
const PROTOCOL = 2

/** An open connection of a stranger, which ends with the test. */
async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1")
  socket.on("error", () => {})
  atEnd(async () => socket.destroy())
  await new Promise((resolve) => {
    socket.once("connect", resolve)
    socket.once("close", resolve)
  })
  return socket.resume()
}

/** A connection that has the token, and sends frames. @returns how it ended */
async function insider(port: number, frames: readonly Uint8Array[]): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ranks`, { headers: { authorization: `Bearer ${TOKEN}` } })
  socket.on("error", () => {})
  await once(socket, "open")
  for (const frame of frames) socket.send(frame)
  await once(socket, "close")
}

function head(json: string): Uint8Array {
  const text = Buffer.from(json)
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeUInt32LE(text.length)
  text.copy(bytes, 4)
  return bytes
}

describe("a hub under attack", () => {
  it("computes with its ranks beside 1,000 connections that say nothing", { timeout: 60_000 }, async () => {
    const { hub } = await hubWith()
    const idle: Socket[] = []
    for (let i = 0; i < 1000; i++) idle.push(await stranger(hub.address.port))
    rankOf(hub)
    await until(() => hub.ranks() === 1)
    expect((await hub.gradient(partOf(2), signal))?.loss).toBe(2 / 8)
    expect(idle.filter(({ readyState }) => readyState === "open")).toHaveLength(1000)
  })

  it("ends connections with garbage, a wrong token or another path, and none becomes a rank", async () => {
    const { hub, events } = await hubWith()
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n`
    const requests = [
      randomBytes(4000),
      `GET /ranks HTTP/1.1\r\nHost: x\r\n${upgrade}${key}\r\n`,
      `GET /ranks HTTP/1.1\r\nHost: x\r\n${upgrade}${key}Authorization: Bearer ${TOKEN}x\r\n\r\n`,
      `GET /other HTTP/1.1\r\nHost: x\r\n${upgrade}${key}Authorization: Bearer ${TOKEN}\r\n\r\n`,
      `GET http://[ HTTP/1.1\r\nHost: x\r\n${upgrade}${key}Authorization: Bearer ${TOKEN}\r\n\r\n`,
      `GET /ranks HTTP/1.1\r\nHost: x\r\n${upgrade}Authorization: Bearer ${TOKEN}\r\n\r\n`,
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ]
    for (const request of requests) {
      const socket = await stranger(hub.address.port)
      const closed = new Promise((resolve) => socket.once("close", resolve))
      socket.write(request)
      await closed
    }
    rankOf(hub)
    await until(() => hub.ranks() === 1)
    expect(events.map(({ kind }) => kind)).toEqual(["joined"])
  })

  it("takes no memory for lengths that are only said, before it knows the rank", async () => {
    const { hub } = await hubWith()
    const { port } = hub.address
    const before = process.memoryUsage().arrayBuffers
    await insider(port, [Uint8Array.of(255, 255, 255, 127)])
    await insider(port, [head('{"$":"f32","length":500000000}')])
    await insider(port, [head(`{"kind":"hello","more":{"$":"u8","length":1}}`)])
    const hello = { kind: "hello", protocol: PROTOCOL, name: "x", places: 1, identity: IDENTITY }
    const [welcome = new Uint8Array(0)] = packMessage(hello)
    await insider(port, [
      welcome,
      head('{"kind":"pieces","id":0,"pieces":[{"from":0,"values":{"$":"f32","length":-1}}]}'),
    ])
    await insider(port, [welcome, ...packMessage({ kind: "feedback", id: 0, lane: -1, values: new Float32Array(1) })])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6)
    rankOf(hub)
    await until(() => hub.ranks() === 1)
    expect((await hub.gradient(partOf(2), signal))?.loss).toBe(2 / 8)
  })

  it("drops a rank that lives and does not answer, and computes its part elsewhere", async () => {
    const { hub, events } = await hubWith({ answerWithin: 0.005 })
    rankOf(hub, { gradient: () => new Promise(() => {}) })
    await until(() => hub.ranks() === 1)
    expect(await hub.gradient(partOf(2), signal)).toBeNull()
    expect(events[1]).toMatchObject({ kind: "lost", reason: expect.stringContaining("it has not answered for") })
  })

  it("refuses another protocol by its name", async () => {
    const { hub, events } = await hubWith()
    const hello = { kind: "hello", name: "old", places: 1, identity: IDENTITY }
    await insider(hub.address.port, packMessage(hello))
    expect(events[0]).toMatchObject({ kind: "refused", reason: expect.stringContaining("protocol is 1, expected 2") })
  })
})
