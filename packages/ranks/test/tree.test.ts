import { setTimeout as wait } from "node:timers/promises"
import { createPartPool, type StepPart } from "@lllite/core/runtime"
import { groupsOfParts, type LossAndGradients, type PartResult, sumGroup } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import type { RankEvent, RankHub, RankOptions } from "../src/index.ts"
import { packMessage } from "../src/message.ts"
import { CERTIFICATE, KEY } from "./certificate.ts"
import { hubWith, IDENTITY, partOf, rankOf, TOKEN, until } from "./started.ts"

const VALUES = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i))

/** Gradients that are other ones for each part, and whose sum depends on the order. */
const ofPart = async ({ lllite, task }: StepPart): Promise<LossAndGradients> => ({
  loss: Math.sin(task.step + task.lane),
  gradients: lllite.values.map((value, i) => value * Math.exp(8 * Math.sin(i * task.lane + task.step))),
})

const { signal } = new AbortController()

function partsOfStep(step: number, count: number): readonly StepPart[] {
  return Array.from({ length: count }, (_, lane) => partOf(step, VALUES, lane))
}

/** The sum of a step's parts, by the leading process and its ranks. */
async function summed(hub: RankHub | null, step: number, count: number, own = ofPart): Promise<LossAndGradients> {
  const help = hub && {
    free: async () => ({ places: hub.places(), branches: hub.branches() }),
    gradient: (part: StepPart) => hub.gradient(part, signal),
    sum: (group: Parameters<RankHub["sum"]>[0]) => hub.sum(group, signal),
    takeFeedback: hub.takeFeedback,
  }
  return total(await createPartPool().compute(partsOfStep(step, count), [own], help), count)
}

/** Adds results as a training does: groups in their order, then their sums. */
function total(results: readonly PartResult[], count: number): LossAndGradients {
  const waiting = [...results]
  const sums = groupsOfParts(count).map(([from, to]) => {
    const first = waiting[0]
    if (first?.sumOf !== undefined) return waiting.shift() as LossAndGradients
    const parts = waiting.splice(0, to - from)
    return sumGroup(
      parts,
      parts.map(() => 1 / count),
    )
  })
  const ones = sums.map(() => 1)
  return sums.length === 1 ? (sums[0] as LossAndGradients) : sumGroup(sums, ones)
}

/** A run of several processes: this one and its ranks. */
async function tree(
  processes: number,
  changes: (index: number) => Partial<RankOptions> = () => ({}),
  ofHub: Parameters<typeof hubWith>[0] = {},
): Promise<{
  hub: RankHub
  events: RankEvent[]
  leave: ReadonlyMap<string, () => void>
  computed: Map<string, number>
}> {
  const { hub, events } = await hubWith(ofHub)
  const leave = new Map<string, () => void>()
  const computed = new Map<string, number>()
  for (let index = 1; index < processes; index++) {
    const name = `rank ${index}`
    const gradient = async (part: StepPart): Promise<LossAndGradients> => {
      computed.set(name, (computed.get(name) ?? 0) + 1)
      await wait(20)
      return ofPart(part)
    }
    leave.set(name, rankOf(hub, { name, gradient, ...changes(index) }).leave)
  }
  await until(() => hub.ranks() === processes - 1)
  return { hub, events, leave, computed }
}

const slowly = async (part: StepPart): Promise<LossAndGradients> => {
  await wait(20)
  return ofPart(part)
}

/** The names of the ranks that lead branches. */
function leaders(events: readonly RankEvent[]): readonly string[] {
  return events.flatMap(({ kind, name }) => (kind === "leads" ? [name.replace(/ \(.*/, "")] : []))
}

describe("a tree of ranks", () => {
  it.each([
    [4, 0],
    [8, 0],
    [11, 1],
    [16, 1],
    [19, 2],
  ])("of %i processes has %i branches, and adds up to the bytes of one process", async (processes, branches) => {
    const { hub, events, computed } = await tree(processes)
    expect(hub.branches()).toBe(branches)
    expect(leaders(events)).toHaveLength(branches)
    for (const step of [0, 1]) {
      const alone = await summed(null, step, processes)
      const together = await summed(hub, step, processes, slowly)
      expect(together.loss).toBe(alone.loss)
      expect(Buffer.from(together.gradients.buffer)).toEqual(Buffer.from(alone.gradients.buffer))
    }
    expect(computed.size).toBeGreaterThan((processes - 1) / 2)
  })

  it("sends one sum of a group to the leading process, and not its parts", async () => {
    const { hub } = await tree(16)
    const seen: number[] = []
    const free = async () => ({ places: hub.places(), branches: hub.branches() })
    const results = await createPartPool().compute(partsOfStep(1, 16), [slowly], {
      ...{ free, gradient: (part) => hub.gradient(part, signal), takeFeedback: hub.takeFeedback },
      sum(group) {
        seen.push(group.parts.length)
        return hub.sum(group, signal)
      },
    })
    expect(seen).toEqual([8])
    expect(results.map(({ sumOf = 1 }) => sumOf)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 8])
  })

  it("says how often the parts of a branch were computed again", async () => {
    const again = async (part: StepPart): Promise<LossAndGradients> => ({ ...(await slowly(part)), repeats: 1 })
    const { hub } = await tree(16, () => ({ gradient: again }))
    expect(await summed(hub, 1, 16, again)).toMatchObject({ repeats: 16 })
  })

  it("adds up several batches of a step apart, and sends sums of their groups", async () => {
    const { hub } = await tree(11)
    const parts = [1, 2].flatMap((step) => partsOfStep(step, 11))
    let sums = 0
    const together = await createPartPool().compute(parts, [slowly], {
      free: async () => ({ places: hub.places(), branches: hub.branches() }),
      ...{ gradient: (part) => hub.gradient(part, signal), takeFeedback: hub.takeFeedback },
      sum(group) {
        sums += 1
        return hub.sum(group, signal)
      },
    })
    expect(sums).toBeGreaterThan(0)
    /** The first result of the second batch. */
    let at = 0
    for (let done = 0; done < 11; at++) done += together[at]?.sumOf ?? 1
    for (const [step, results] of [[1, together.slice(0, at)] as const, [2, together.slice(at)] as const]) {
      expect(total(results, 11)).toEqual(await summed(null, step, 11))
    }
  })

  it("goes on when a rank that leads a branch is lost within a sum, and its ranks get other places", async () => {
    let isStuck = true
    const stuck = (part: StepPart): Promise<LossAndGradients> => (isStuck ? new Promise(() => {}) : slowly(part))
    const { hub, events, leave } = await tree(11, (index) => (index > 7 ? { gradient: stuck } : {}))
    const [leader = ""] = leaders(events)
    const work = summed(hub, 3, 11, slowly)
    await wait(100)
    isStuck = false
    leave.get(leader)?.()
    const { gradients } = await work
    expect(gradients).toEqual((await summed(null, 3, 11)).gradients)
    await until(() => hub.ranks() === 9)
    // The first of the two that are left has the place of a rank with the leading process, or leads the other.
    await until(() => leaders(events).length === 2)
    expect((await summed(hub, 4, 11, slowly)).gradients).toEqual((await summed(null, 4, 11)).gradients)
  })

  it("goes on when a rank of a branch is lost within a sum, and says so", async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const { hub, events, leave } = await tree(11, (index) => (index === 10 ? { gradient: never } : {}))
    const inBranch = events.flatMap(({ kind, name }) => (kind === "joined" && name.includes("rank 10") ? [name] : []))
    const work = summed(hub, 3, 11, slowly)
    await wait(100)
    leave.get("rank 10")?.()
    expect((await work).gradients).toEqual((await summed(null, 3, 11)).gradients)
    await until(() => events.some(({ kind, name }) => kind === "lost" && inBranch.includes(name)))
    expect(hub.ranks()).toBe(9)
  })

  it("ends the run when any rank is lost, if that is asked for", async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const slow = (index: number): Partial<RankOptions> => (index > 7 ? { gradient: never } : {})
    const { hub, events, leave } = await tree(11, slow, { lost: "stop" })
    const [leader = ""] = leaders(events)
    const child = ["rank 8", "rank 9", "rank 10"].find((name) => name !== leader) ?? ""
    const work = summed(hub, 3, 11, slowly).catch((error: unknown) => error)
    await wait(100)
    leave.get(child)?.()
    expect(await work).toMatchObject({ code: "rank-lost", message: expect.stringContaining(child) })
  })

  it("keeps ranks with the leading process that lead no branch, or do not reach one", async () => {
    const flat = await tree(11, () => ({ branch: null }))
    expect(flat.hub.branches()).toBe(0)
    expect(flat.hub.places()).toBe(10)
    // An address of documentation, which no machine has.
    const wrong = await tree(11, () => ({ branch: { address: { host: "192.0.2.1", port: 0 } } }))
    expect(wrong.events.filter(({ kind }) => kind === "leads-not")).toHaveLength(1)
    expect(wrong.hub.places()).toBe(10)
    const asked = await tree(11, undefined, { group: null })
    expect(asked.hub.places()).toBe(10)
  })

  it("takes a rank back that does not reach the branch it was sent to, and sends it no other", async () => {
    const { hub, events } = await tree(8)
    const url = `ws://127.0.0.1:${hub.address.port}/ranks`
    const liar = new WebSocket(url, { headers: { authorization: `Bearer ${TOKEN}` } })
    const hello = { kind: "hello", protocol: 2, name: "liar", places: 1, identity: IDENTITY, leads: true }
    let heard = 0
    liar.on("message", () => {
      heard += 1
    })
    await new Promise((resolve) => liar.once("open", resolve))
    for (const frame of packMessage(hello)) liar.send(frame)
    // The first message welcomes it, and the second one asks it to lead.
    await until(() => heard === 2)
    for (const frame of packMessage({ kind: "leads", host: "127.0.0.1", port: 1 })) liar.send(frame)
    await until(() => leaders(events).length === 1)
    for (const name of ["rank 9", "rank 10"]) rankOf(hub, { name, branch: null })
    await until(() => hub.ranks() === 10)
    expect(hub.places()).toBe(10)
    expect(hub.branches()).toBe(0)
    liar.terminate()
  })

  it("is let go at the end of the run, by the ranks that lead branches", async () => {
    const { hub } = await hubWith()
    const ranks = Array.from({ length: 10 }, (_, i) => rankOf(hub, { name: `rank ${i + 1}` }))
    await until(() => hub.ranks() === 10)
    await hub.close()
    expect(await Promise.all(ranks.map(({ ended }) => ended))).toEqual(Array(10).fill("end"))
  })

  it("speaks TLS in its branches, and needs a certificate of each rank that leads one", async () => {
    const tls = { certificate: CERTIFICATE, key: KEY }
    const { hub, events } = await tree(11, () => ({ tls: { ca: CERTIFICATE }, branch: tls }), { tls })
    expect(hub.branches()).toBe(1)
    expect((await summed(hub, 3, 11, slowly)).gradients).toEqual((await summed(null, 3, 11)).gradients)
    const led = events.flatMap((event) => (event.kind === "leads" ? [event.address] : []))[0]
    const address = led ?? { host: "", port: 0 }
    expect(await rankOf({ address }, { tls: {}, patience: 0 }).ended).toMatchObject({
      message: expect.stringContaining("self-signed certificate"),
    })
    expect(await rankOf({ address }, { patience: 0 }).ended).toMatchObject({ code: "unreachable" })
    const other = await rankOf({ address }, { tls: { ca: CERTIFICATE }, token: "another" }).ended
    expect(other).toMatchObject({ code: "refused", message: expect.stringContaining("token") })
    const bare = await tree(11, () => ({ tls: { ca: CERTIFICATE } }), { tls })
    expect(bare.hub.branches()).toBe(0)
  })
})
