import { describe, expect, it } from "vitest"
import { ASSUMPTIONS, valuesOf } from "./assumptions.mjs"
import { exchangeOf, partSeconds, servedSeconds, simulate } from "./simulate.mjs"

describe("the simulation of a large training", () => {
  it("says of every value whether it was measured, counted or assumed, with its source", () => {
    for (const [name, { kind, source, value }] of Object.entries(ASSUMPTIONS)) {
      expect([
        name,
        ["measured", "counted", "assumed"].includes(kind),
        source.length > 5,
        Number.isFinite(value),
      ]).toEqual([...[name, true, true, true]])
    }
    expect(() => valuesOf({ crads: 8 })).toThrow("crads")
  })

  it("takes the time of the computation alone for one card that waits for nothing", () => {
    const v = valuesOf({ cards: 1, spread: 0, readCpu: 0, disk: 1e9, saveSeconds: 0, hoursToFault: 1e15 })
    const { days, efficiency, perStep } = simulate(v)
    expect(perStep).toMatchObject({ waits: 0, exchange: 0, reading: 0, saving: 0 })
    expect(perStep.compute).toBeCloseTo(partSeconds(v), 6)
    expect(efficiency).toBeCloseTo(1, 12)
    expect(days * 86_400).toBeCloseTo((v.pairs / v.rowsOfPart) * partSeconds(v), 3)
  })

  it("serves ranks in turn: all of them by the leading process, or those below each node of a tree", () => {
    const star = { levels: 1, below: 3, send: 2, read: 1 }
    // Sent at 2, 4 and 6, computed at 12, 14 and 16, and read one after the other.
    expect(servedSeconds([10, 10, 10], star)).toBe(17)
    expect(servedSeconds([1, 1, 1], star)).toBe(6 + 3)
    expect(servedSeconds([1, 9, 1], star)).toBe(14)
    expect(servedSeconds([], star)).toBe(0)
    expect(servedSeconds([10, 12], { ...star, levels: 3, below: 8 })).toBe(12 + 3 * (16 + 1))
    expect(exchangeOf(valuesOf({ cards: 8 }))).toMatchObject({ levels: 1, below: 7, send: 0.15, isBoundByThread: true })
    expect(exchangeOf(valuesOf({ cards: 512, fanOut: 8 }))).toMatchObject({ levels: 3, below: 8 })
    expect(exchangeOf(valuesOf({ cards: 64, network: 1 })).read).toBeCloseTo((92e6 * 8) / 1e9, 9)
    expect(exchangeOf(valuesOf({ cards: 64, network: 1, bytesOfValue: 2 })).read).toBeCloseTo((46e6 * 8) / 1e9, 9)
  })

  it("waits for reading that takes longer than the rest, and is the same for a seed", () => {
    const v = valuesOf({ cards: 64, readCpu: 10 })
    const slow = simulate(v)
    expect(slow.bottleneck).toBe("reading")
    expect(slow.stepSeconds - slow.perStep.saving).toBeCloseTo((64 * 8 * 10) / 4, 3)
    expect(simulate(v)).toEqual(slow)
    expect(simulate(valuesOf(), { seed: 2 }).days).not.toBe(simulate(valuesOf(), { seed: 3 }).days)
  })
})
