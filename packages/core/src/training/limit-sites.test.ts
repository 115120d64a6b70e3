import { LINES, siteStrength } from "@lllite/format/health"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { toFileLayout } from "../models/lllite/layout.ts"
import { createLllite } from "../models/lllite/model.ts"
import { createStream } from "../random/stream.ts"
import { controlValues, limitingValues, limitSites } from "./limit-sites.ts"
import { train } from "./train.ts"
import { beginTraining } from "./train-state.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT)

/** An LLLite whose sites add more, the later they come. */
function model() {
  const fresh = createLllite(SITES, { condDim: 4, mlpDim: 6 }, createStream(1, "init"))
  const noise = createStream(2, "up").normal(fresh.values.length)
  for (const { plan, name, offset, size } of fresh.slots) {
    if (!name.startsWith("up.")) continue
    const scale = 0.2 * (1 + SITES.indexOf(plan.site as (typeof SITES)[number]))
    for (let i = offset; i < offset + size; i++) fresh.values[i] = scale * (noise[i] ?? 0)
  }
  return fresh
}

function strengths({ slots, values }: ReturnType<typeof model>): number[] {
  return SITES.map((site) => {
    const { strength } = siteStrength(site, (name) => {
      const slot = slots.find(({ plan, name: other }) => plan.site.key === site.key && other === name)
      if (slot === undefined) throw new Error(`no ${name}`)
      return toFileLayout(values.subarray(slot.offset, slot.offset + slot.size), slot.fileShape)
    })
    return strength
  })
}

describe("limitSites", () => {
  it("scales sites above the limit down to it, and leaves the others", () => {
    const lllite = model()
    const before = strengths(lllite)
    const most = (before.at(SITES.length / 2) ?? 0) + 1e-6
    const values = lllite.values.slice()
    limitSites(lllite, most)
    const after = strengths(lllite)
    expect(before.some((strength) => strength < most) && before.some((strength) => strength > most)).toBe(true)
    for (const [i, strength] of before.entries()) {
      expect(after[i]).toBeCloseTo(Math.min(strength, most), 5)
      const ours = lllite.slots.filter(({ plan }) => plan.site.key === SITES[i]?.key)
      for (const { name, offset, size } of ours) {
        const isScaled = strength > most && name.startsWith("up.")
        const same = lllite.values.slice(offset, offset + size)
        if (isScaled) expect(same).not.toEqual(values.slice(offset, offset + size))
        else expect(same).toEqual(values.slice(offset, offset + size))
      }
    }
  })

  it("leaves an LLLite alone that was never trained", () => {
    const fresh = createLllite(SITES, { condDim: 4, mlpDim: 6 }, createStream(1, "init"))
    const values = fresh.values.slice()
    limitSites(fresh, 1e-3)
    expect(fresh.values).toEqual(values)
  })
})

it("reads the values of control pictures", () => {
  const black = { width: 2, height: 2, data: new Uint8Array(12) }
  const half = { width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 255, 255, 255) }
  expect(controlValues([black])).toEqual({ mean: -1, variance: 0 })
  expect(controlValues([half])).toEqual({ mean: 0, variance: 1 })
  // 15 values of -1 and 3 of 1.
  const { mean, variance } = controlValues([black, half])
  expect(mean).toBeCloseTo(-2 / 3, 12)
  expect(variance).toBeCloseTo(1 - 4 / 9, 12)
})

it("limits by the lines of the health check where the controls are darker than those", () => {
  const withWhite = (count: number) => ({ width: 100, height: 1, data: new Uint8Array(300).fill(255, 0, 3 * count) })
  expect(limitingValues([withWhite(2)])).toEqual(LINES)
  expect(limitingValues([withWhite(4)])).toEqual(LINES)
  expect(limitingValues([withWhite(10)])).toEqual(controlValues([withWhite(10)]))
})

it("limits by the values of the controls", () => {
  const [noise, lines] = [model(), model()]
  limitSites(noise, 0.3)
  limitSites(lines, 0.3, { mean: -0.9, variance: 0.19 })
  expect(noise.values).not.toEqual(lines.values)
})

it("limits a run after each update", async () => {
  const state = beginTraining(model())
  const push = async ({ values }: ReturnType<typeof model>) => [{ loss: 1, gradients: values.map((value) => -value) }]
  const machine = { gradients: push, afterUpdate: (lllite: ReturnType<typeof model>) => limitSites(lllite, 0.5) }
  const options = { steps: 3, batchSize: 1, seed: 1, learningRate: 0.1 }
  for await (const { state: now } of train(state, [{ width: 64, height: 64 }], machine, options)) {
    expect(Math.max(...strengths((await now()).model as ReturnType<typeof model>))).toBeCloseTo(0.5, 4)
  }
})
