import { describe, expect, it } from "vitest"
import { groupsOfParts, sumGroup, sumParts } from "./sum-parts.ts"

const parts = (count: number): { loss: number; gradients: Float32Array }[] =>
  Array.from({ length: count }, (_, i) => ({
    loss: Math.sin(i),
    gradients: Float32Array.from({ length: 50 }, (_, j) => Math.sin(i * 7 + j) * 10 ** (i % 5)),
  }))

const EMPTY = { loss: 0, gradients: new Float32Array(0) }

describe("the sum of parts", () => {
  it("has groups of nearly one size, which hold all parts in their order", () => {
    expect(groupsOfParts(8)).toEqual([[0, 8]])
    expect(groupsOfParts(11).map(([from, to]) => to - from)).toEqual([6, 5])
    for (let count = 1; count <= 256; count++) {
      const groups = groupsOfParts(count)
      expect(groups.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual([
        ...Array(count).keys(),
      ])
      expect(groups.length).toBeLessThanOrEqual(16)
      expect(Math.max(...groups.map(([from, to]) => to - from))).toBeLessThanOrEqual(count <= 64 ? 8 : 16)
    }
  })

  it("of up to 8 parts is taken one after another", () => {
    const rows = [1, 2, 1]
    const list = parts(3)
    const plain = new Float32Array(50)
    for (const [i, { gradients }] of list.entries()) {
      for (let j = 0; j < 50; j++) plain[j] = (plain[j] ?? 0) + (gradients[j] ?? 0) * ((rows[i] ?? 0) / 4)
    }
    expect(sumParts(rows, list).gradients).toEqual(plain)
  })

  it("is the same where groups were added elsewhere", () => {
    const rows = Array<number>(19).fill(2)
    const list = parts(19)
    const whole = sumParts(rows, list)
    const mixed = groupsOfParts(19).flatMap(([from, to], group) => {
      const own = list.slice(from, to)
      const shares = own.map(() => 2 / 38)
      return group === 1 ? own : [{ ...sumGroup(own, shares), sumOf: to - from }]
    })
    expect(mixed.length).toBeLessThan(19)
    expect(sumParts(rows, mixed)).toEqual(whole)
    expect(whole.loss).toBeCloseTo(list.reduce((sum, { loss }) => sum + loss, 0) / 19)
  })

  it("says how often its parts were computed again, and nothing where none was", () => {
    const [one = EMPTY, other = EMPTY, last = EMPTY] = parts(3)
    expect(sumGroup([{ ...one, repeats: 1 }, other, { ...last, repeats: 2 }], [1, 1, 1]).repeats).toBe(3)
    expect(sumGroup([one, other], [1, 1])).not.toHaveProperty("repeats")
  })
})
