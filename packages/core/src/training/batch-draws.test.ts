import { describe, expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { streamDraws } from "./batch-draws.ts"

const SEED = 5
const STEP = 3

describe("draws of a batch", () => {
  it("are the same for a row in every part of the batch, and differ between rows", () => {
    const whole = streamDraws(SEED, STEP, 0, 4)
    const [first, last] = [streamDraws(SEED, STEP, 0, 1), streamDraws(SEED, STEP, 1, 3)]
    const shape = { rows: 4, height: 2, width: 3, channels: 4 }
    const joined = (draw: (draws: typeof whole) => Iterable<number>): number[] => [...draw(first), ...draw(last)]
    for (const draw of [
      (draws: typeof whole) => draws.timesteps(0, 1000),
      (draws: typeof whole) => draws.normal("noise", shape),
      (draws: typeof whole) => draws.keeps("a site", 5, 2),
    ]) {
      expect(joined(draw)).toEqual([...draw(whole)])
    }
    expect(new Set(whole.timesteps(0, 1_000_000)).size).toBe(4)
    expect(new Set(whole.normal("noise", shape)).size).toBe(4 * 24)
  })

  it("are those of the streams by seed, step and row", () => {
    const draws = streamDraws(SEED, STEP, 2, 2)
    const normal = draws.normal("noise", { rows: 4, height: 2, width: 3, channels: 4 })
    expect(normal.slice(24)).toEqual(createStream(SEED, "noise").normal([2, 3, 4], { step: STEP, index: 3 }))
    const keeps = draws.keeps("a site", 5, 2)
    expect(keeps.slice(10)).toEqual(createStream(SEED, "dropout a site").uniform([5, 2], { step: STEP, index: 3 }))
    const [timestep] = createStream(SEED, "timesteps").integers(1, 10, 900, { step: STEP, index: 2 })
    expect(draws.timesteps(10, 900)[0]).toBe(timestep)
    expect(draws.uniform("offset")).toBe(createStream(SEED, "offset").uniform(1, { step: STEP })[0])
  })

  it("differ between steps, seeds, purposes and sites", () => {
    const shape = { rows: 1, height: 1, width: 1, channels: 2 }
    const draws = streamDraws(SEED, STEP, 0, 1)
    const others = [streamDraws(SEED, STEP + 1, 0, 1), streamDraws(SEED + 1, STEP, 0, 1)]
    for (const other of others) {
      expect(other.normal("noise", shape)).not.toEqual(draws.normal("noise", shape))
      expect(other.timesteps(0, 1_000_000)).not.toEqual(draws.timesteps(0, 1_000_000))
      expect(other.uniform("offset")).not.toBe(draws.uniform("offset"))
      expect(other.keeps("a", 2, 2)).not.toEqual(draws.keeps("a", 2, 2))
    }
    expect(draws.normal("input", shape)).not.toEqual(draws.normal("noise", shape))
    expect(draws.keeps("b", 2, 2)).not.toEqual(draws.keeps("a", 2, 2))
  })

  it("take every timestep from the first to the one below the last", () => {
    const draws = streamDraws(SEED, STEP, 0, 200)
    expect([...new Set(draws.timesteps(7, 10))].toSorted()).toEqual([7, 8, 9])
    expect(new Set(draws.timesteps(4, 5))).toEqual(new Set([4]))
  })
})
