import { describe, expect, it } from "vitest"
import { scheduledStrengths } from "./control-schedule.ts"
import type { ControlSchedule, TimestepKeyframe } from "./values.ts"

const keyframe = (changes: Partial<TimestepKeyframe>): TimestepKeyframe => ({
  ...{ start: 0, strength: 1, weights: null, latents: null, mask: null },
  ...{ otherStrength: 0, inherits: true, ...changes },
})
const read = (schedule: Partial<ControlSchedule>, index = 0, count = 3) =>
  scheduledStrengths({ keyframes: [], latents: null, weights: null, ...schedule } as ControlSchedule, { index, count })

describe("the strengths of keyframes", () => {
  it("are those of the last keyframe with a picture's index, counted from the end if negative", () => {
    const latents = [
      { index: 1, strength: 0.25 },
      { index: -2, strength: 0.5 },
    ]
    expect(read({ latents }, 1)[0]?.strength).toBe(0.5)
    expect(read({ latents: latents.toReversed() }, 1)[0]?.strength).toBe(0.25)
  })

  it("are those of the node itself before those of a keyframe", () => {
    const keyframes = [keyframe({ latents: [{ index: 0, strength: 0.5 }], weights: { uncond: 0.5 } })]
    expect(read({ keyframes })[0]).toMatchObject({ strength: 0.5, uncond: 0.5 })
    const own = { latents: [{ index: 0, strength: 0.25 }], weights: { uncond: 0.125 } }
    expect(read({ keyframes, ...own })[0]).toMatchObject({ strength: 0.25, uncond: 0.125 })
  })

  it.each([true, false])("stay in the next keyframe if that inherits what it lacks (%s)", (inherits) => {
    const first = keyframe({ latents: [{ index: 0, strength: 0.5 }], weights: { uncond: 0.5 } })
    const uses = read({ keyframes: [first, keyframe({ start: 0.5, inherits })] })
    expect(uses.map(({ uncond }) => uncond)).toEqual(inherits ? [0.5] : [0.5, 1])
    const last = uses.at(-1)
    expect(last?.curve?.at(-1)?.strength ?? last?.strength).toBe(inherits ? 0.5 : 1)
  })
})
