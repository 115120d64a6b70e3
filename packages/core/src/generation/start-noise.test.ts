import { describe, expect, it } from "vitest"
import { addCoarserGrids } from "../diffusion/coarser-grids.ts"
import { changedStart, checkStartNoise, type StartNoiseDraws } from "./start-noise.ts"

const GRID = { rows: 1, height: 12, width: 20, channels: 4 }
const NOISE = Float32Array.from({ length: 12 * 20 * 4 }, (_, i) => Math.sin(i))

/** Draws by their purpose. */
const drawsOf = (numbers: Readonly<Record<string, number>> = {}): StartNoiseDraws => ({
  normal: (purpose, { rows, height, width, channels }) =>
    Float32Array.from(
      { length: rows * height * width * channels },
      (_, i) => numbers[purpose] ?? Math.cos(purpose.length * i),
    ),
  uniform: (purpose) => numbers[purpose] ?? 0.5,
  fraction: (purpose) => numbers[purpose] ?? 0.5,
})
const added = (changed: Float32Array): number => (changed[7] ?? 0) - (NOISE[7] ?? 0)

describe("the offset of a start", () => {
  it("is the first number plus a normal number times the difference, for all values", () => {
    const offset = { probability: 1, range: [0.1, 0.5] } as const
    const normal = { ...drawsOf(), normal: () => Float32Array.of(2) }
    const moved = changedStart(NOISE, GRID, { offset }, normal)
    for (const [i, value] of moved.entries()) expect(value).toBeCloseTo((NOISE[i] ?? 0) + 0.9, 5)
    const falling = { probability: 1, range: [0.5, 0.1] } as const
    expect(added(changedStart(NOISE, GRID, { offset: falling }, normal))).toBeCloseTo(0.5 - 2 * 0.4, 5)
  })
})

describe("the pyramid of a start", () => {
  it("has six grids at most, by a factor at the drawn place of its range", () => {
    const draws = drawsOf({ "pyramid discount": 0.25 })
    const pyramid = { probability: 1, discount: [0.2, 0.6] } as const
    const expected = NOISE.slice()
    addCoarserGrids(expected, { iterations: 6, discount: 0.3 }, GRID, draws)
    const changed = changedStart(NOISE, GRID, { pyramid }, draws)
    for (const [i, value] of changed.entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5)
    // A grid of 512 × 512 halves nine times before a side is one place.
    const purposes: string[] = []
    const large = { rows: 1, height: 512, width: 512, channels: 1 }
    changedStart(
      new Float32Array(512 * 512).fill(1),
      large,
      { pyramid },
      {
        ...drawsOf(),
        uniform: () => 0,
        normal(purpose, { height, width }) {
          purposes.push(purpose)
          return Float32Array.from({ length: height * width }, (_, i) => i)
        },
      },
    )
    expect(purposes).toHaveLength(6)
  })

  it("comes before the offset, which keeps its own size", () => {
    const pyramid = { probability: 1, discount: [0.5, 0.5] } as const
    const offset = { probability: 1, range: [3, 3] } as const
    const alone = changedStart(NOISE, GRID, { pyramid }, drawsOf())
    const both = changedStart(NOISE, GRID, { pyramid, offset }, drawsOf())
    for (const [i, value] of both.entries()) expect(value).toBeCloseTo((alone[i] ?? 0) + 3, 5)
  })
})

describe("what is added to a start", () => {
  it.each([
    [0.3, 0.3, false],
    [0.3, 0.31, true],
    [0.7, 0.6, false],
    [0, 0, false],
    [0.999, 1, true],
  ])("is decided by its own draw: %f with the probability %f", (draw, probability, isAdded) => {
    const offset = { probability, range: [1, 1] } as const
    const pyramid = { probability, discount: [0.5, 0.5] } as const
    // The draw of the other one would decide otherwise.
    const other = isAdded ? 1 : -1
    const byOffset = changedStart(NOISE, GRID, { offset }, drawsOf({ offset: draw, pyramid: other }))
    expect(added(byOffset) !== 0).toBe(isAdded)
    const byPyramid = changedStart(NOISE, GRID, { pyramid }, drawsOf({ pyramid: draw, offset: other }))
    expect(added(byPyramid) !== 0).toBe(isAdded)
  })

  it("leaves the noise that was given as it is", () => {
    const noise = NOISE.slice()
    const offset = { probability: 1, range: [1, 1] } as const
    changedStart(noise, GRID, { offset, pyramid: { probability: 1, discount: [0.5, 0.5] } }, drawsOf())
    expect(noise).toEqual(NOISE)
  })

  it.each([
    [{ offset: { probability: 2, range: [0, 0] } }, "offset.probability is 2"],
    [{ offset: { probability: 1, range: [0, 11] } }, "offset.range is 11"],
    [{ pyramid: { probability: -1, discount: [0, 0] } }, "pyramid.probability is -1"],
    [{ pyramid: { probability: 1, discount: [0, 1.5] } }, "pyramid.discount is 1.5"],
  ] as const)("is refused as %j", (settings, message) => {
    expect(() => checkStartNoise(settings)).toThrow(message)
    expect(() => checkStartNoise({ offset: null, pyramid: null })).not.toThrow()
  })
})
