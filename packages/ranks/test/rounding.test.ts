import { setTimeout as wait } from "node:timers/promises"
import { createPartPool, type PartPool, type PoolHelp, type StepPart } from "@lllite/core/runtime"
import type { LossAndGradients, PartResult } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import type { RankHub } from "../src/index.ts"
import { hubWith, partOf, rankOf, until } from "./started.ts"

/* Gradients in float16, whose feedback is kept where parts are computed. */

const VALUES = Float32Array.from({ length: 2500 }, (_, i) => Math.sin(i))
const { signal } = new AbortController()

const gradient = async ({ lllite, task }: StepPart): Promise<LossAndGradients> => {
  await wait(5)
  return {
    loss: task.step,
    gradients: lllite.values.map((value, i) => value * Math.exp(Math.sin(i * task.lane + task.step))),
  }
}

function helpOf(hub: RankHub): PoolHelp {
  return {
    free: async () => ({ places: hub.places(), branches: hub.branches() }),
    gradient: (part) => hub.gradient(part, signal),
    sum: (group) => hub.sum(group, signal),
    takeFeedback: hub.takeFeedback,
  }
}

function step(pool: PartPool, batch: number, parts: number, help: PoolHelp | null): Promise<readonly PartResult[]> {
  const all = Array.from({ length: parts }, (_, lane) => ({
    ...partOf(batch, VALUES, lane),
    feedback: "kept" as const,
  }))
  return pool.compute(all, [gradient], help)
}

async function hubOf(ranks: number, group?: number): Promise<{ hub: RankHub; leave: (() => void)[] }> {
  const { hub } = await hubWith(group === undefined ? {} : { group })
  const leave: (() => void)[] = []
  for (let i = 1; i <= ranks; i++) leave.push(rankOf(hub, { name: `rank ${i}`, gradient }).leave)
  await until(() => hub.ranks() === ranks)
  return { hub, leave }
}

describe("gradients in float16", () => {
  it("and what they leave out are those of one process, with ranks that come between", async () => {
    const [alone, ranks] = [createPartPool(), createPartPool()]
    const first = await hubOf(2)
    const second = await hubOf(3)
    for (let batch = 0; batch < 6; batch++) {
      const help = batch < 3 ? helpOf(first.hub) : helpOf(second.hub)
      // Other places: what is left out goes with its parts.
      const there = batch === 3 ? { ...help, takeFeedback: first.hub.takeFeedback } : help
      expect(await step(ranks, batch, 4, there)).toEqual(await step(alone, batch, 4, null))
    }
    const left = await ranks.takeFeedback(helpOf(second.hub), 6)
    expect(left).toEqual(await alone.takeFeedback(null, 6))
    expect([...left.keys()]).toEqual([0, 1, 2, 3])
    expect(left.get(2)?.some((value) => value !== 0)).toBe(true)
  })

  it("are those of one process in a tree", async () => {
    const { hub } = await hubOf(4, 3)
    expect(hub.branches()).toBe(1)
    const [alone, tree] = [createPartPool(), createPartPool()]
    const sums: number[] = []
    const help: PoolHelp = {
      ...helpOf(hub),
      sum(group) {
        sums.push(group.parts.length)
        return hub.sum(group, signal)
      },
    }
    for (let batch = 0; batch < 3; batch++) {
      const far = await step(tree, batch, 16, help)
      const parts = await step(alone, batch, 16, null)
      expect(far.slice(0, 8)).toEqual(parts.slice(0, 8))
      expect(far.length).toBe(9)
    }
    expect(sums).toEqual([8, 8, 8])
    expect(await tree.takeFeedback(help, 3)).toEqual(await alone.takeFeedback(null, 3))
  })

  it("continue exactly from a state, also from one within an unfinished step", async () => {
    const { hub } = await hubOf(2)
    const whole = createPartPool()
    for (let batch = 0; batch < 3; batch++) await step(whole, batch, 4, null)
    const stopped = createPartPool()
    for (let batch = 0; batch < 2; batch++) await step(stopped, batch, 4, helpOf(hub))
    // Some parts of the step after the last whole one were computed.
    await step(stopped, 2, 3, helpOf(hub))
    const continued = createPartPool(await stopped.takeFeedback(helpOf(hub), 2))
    await step(continued, 2, 4, helpOf(hub))
    expect(await continued.takeFeedback(helpOf(hub), 3)).toEqual(await whole.takeFeedback(null, 3))
  })

  it("begin anew for parts whose rank is lost, and the step is whole", async () => {
    const { hub, leave } = await hubOf(1)
    const pool = createPartPool()
    await step(pool, 0, 2, helpOf(hub))
    const help = helpOf(hub)
    const kept = help.free
    leave[0]?.()
    await until(() => hub.ranks() === 0)
    const results = await step(pool, 1, 2, { ...help, free: async () => ({ ...(await kept()), places: 1 }) })
    expect(results).toHaveLength(2)
    const alone = createPartPool()
    for (const batch of [0, 1]) await step(alone, batch, 2, null)
    expect(results).not.toEqual(await step(alone, 1, 2, null))
  })

  it("take half the bytes", async () => {
    const { hub } = await hubOf(1)
    const sent: unknown[] = []
    const [values, halves] = [{ ...partOf(1, VALUES) }, { ...partOf(1, VALUES), feedback: null }]
    for (const part of [values, halves]) sent.push(await hub.gradient(part, signal))
    const [whole, rounded] = sent as [LossAndGradients, LossAndGradients]
    expect(rounded.gradients).not.toEqual(whole.gradients)
    const most = Math.max(...whole.gradients.map(Math.abs))
    for (const [i, value] of rounded.gradients.entries()) {
      expect(Math.abs(value - (whole.gradients[i] ?? 0))).toBeLessThanOrEqual(most * 2 ** -11)
    }
  })
})
