import { expect, it } from "vitest"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { readEntryInto } from "../ops/weight-entry.ts"
import { reshaped, stacked, transposed } from "./entry-views.ts"

const entry = (name: string, shape: readonly number[], values: readonly number[]): WeightEntry => {
  const bytes = Uint8Array.from(values.flatMap((value) => [value, 0]))
  return {
    name,
    dtype: "F16",
    shape,
    read: async () => bytes.slice(),
    readInto: async (target) => target.set(bytes),
  }
}

/** The low byte of every value, by both ways of reading. */
async function values(view: WeightEntry): Promise<readonly number[][]> {
  const whole = await view.read()
  const target = new Uint8Array(whole.byteLength).fill(255)
  await readEntryInto(view, target)
  return [whole, target].map((bytes) => [...bytes].filter((_, i) => i % 2 === 0))
}

it("stacks rows, by both ways of reading", async () => {
  const view = stacked([entry("a", [1, 2], [1, 2]), entry("b", [2, 2], [3, 4, 5, 6])])
  expect(view.shape).toEqual([3, 2])
  expect(view.name).toBe("a + b")
  expect(await values(view)).toEqual(Array(2).fill([1, 2, 3, 4, 5, 6]))
  const vectors = stacked([entry("a", [2], [1, 2]), entry("b", [1], [3])])
  expect(await values(vectors)).toEqual(Array(2).fill([1, 2, 3]))
  expect(() => stacked([entry("a", [1], [1]), { ...entry("b", [1], [1]), dtype: "F32" }])).toThrow('"b" is F32')
})

it("transposes a matrix, by both ways of reading", async () => {
  const view = transposed(entry("a", [2, 3], [1, 2, 3, 4, 5, 6]))
  expect(view.shape).toEqual([3, 2])
  expect(await values(view)).toEqual(Array(2).fill([1, 4, 2, 5, 3, 6]))
})

it("gives the same bytes another shape", async () => {
  const view = reshaped(entry("a", [2, 2], [1, 2, 3, 4]), [2, 2, 1, 1])
  expect(view.shape).toEqual([2, 2, 1, 1])
  expect(await values(view)).toEqual(Array(2).fill([1, 2, 3, 4]))
})
