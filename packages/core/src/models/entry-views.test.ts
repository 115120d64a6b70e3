import { toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
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
})

it.each([
  [["F8_E4M3", "F16", "F16"], "F16"],
  [["F8_E5M2", "F8_E4M3", "F16"], "F16"],
  [["F16", "BF16", "F16"], "F32"],
  [["F16", "F16", "F32"], "F32"],
  [["BF16", "BF16", "BF16"], "BF16"],
] as const)("stacks rows of the dtypes %j as %s, with the values of all", async (dtypes, common) => {
  const rows = dtypes.map((dtype, row): WeightEntry => {
    const bytes = fromFloat32(Float32Array.of(row + 0.5, -row), dtype)
    return { name: `row ${row}`, dtype, shape: [1, 2], read: async () => bytes }
  })
  const view = stacked(rows)
  expect(view.dtype).toBe(common)
  const target = new Uint8Array((await view.read()).byteLength)
  await readEntryInto(view, target)
  for (const bytes of [await view.read(), target]) {
    expect([...toFloat32(bytes, common)]).toEqual([0.5, -0, 1.5, -1, 2.5, -2])
  }
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
