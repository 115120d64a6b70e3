import { describe, expect, it } from "vitest"
import { checkDeepShrink, type DeepShrink, shrinkAt } from "./deep-shrink.ts"

const LEVELS = [
  { depth: 3, timestep: 900 },
  { depth: 4, timestep: 650 },
] as const

describe("Deep Shrink", () => {
  it("acts at the first level whose timestep is reached, that timestep included", () => {
    const depths = [999, 900, 899.9, 650, 649.9, 0].map((timestep) => shrinkAt({ levels: LEVELS }, timestep)?.depth)
    expect(depths).toEqual([3, 3, 4, 4, undefined, undefined])
    expect(shrinkAt({ levels: LEVELS }, 0)).toBeNull()
  })

  it("halves the sides, or has its own factor", () => {
    expect(shrinkAt({ levels: LEVELS }, 999)?.ratio).toBe(0.5)
    expect(shrinkAt({ levels: LEVELS, ratio: 0.75 }, 999)?.ratio).toBe(0.75)
  })

  it.each([
    [{ levels: LEVELS }],
    [{ levels: LEVELS.slice(1), ratio: 0.01 }],
    [{ levels: [{ depth: 8, timestep: 1000 }], ratio: 0.99 }],
    [{ levels: [{ depth: 0, timestep: 0 }] }],
  ])("takes %j", (settings) => {
    expect(() => checkDeepShrink(settings)).not.toThrow()
  })

  it.each([
    [{ levels: [{ depth: 3 }] }, "timestep"],
    [{ levels: [{ timestep: 900 }] }, "depth"],
    [{ levels: [3] }, "a level"],
    [{}, "levels"],
    [{ levels: [] }, "deepShrink has 0 levels, expected one or two"],
    [{ levels: [...LEVELS, { depth: 5, timestep: 100 }] }, "deepShrink has 3 levels"],
    [{ levels: [{ depth: 9, timestep: 900 }] }, "deepShrink: depth is 9"],
    [{ levels: [LEVELS[0], { depth: 1.5, timestep: 100 }] }, "deepShrink: depth is 1.5"],
    [{ levels: [{ depth: 3, timestep: 1001 }] }, "deepShrink: timestep is 1001"],
    [{ levels: [{ depth: 3, timestep: -1 }] }, "deepShrink: timestep is -1"],
    [{ levels: LEVELS, ratio: 1 }, "deepShrink: ratio is 1"],
    [{ levels: LEVELS, ratio: 0 }, "deepShrink: ratio is 0"],
    [{ levels: [LEVELS[0], { ...LEVELS[0], depth: 4 }] }, "ends at timestep 900 and the first at 900"],
    [{ levels: [LEVELS[1], LEVELS[0]] }, "ends at timestep 900 and the first at 650"],
  ])("refuses %j", (settings, message) => {
    expect(() => checkDeepShrink(settings as DeepShrink)).toThrow(message)
  })
})
