import "@tensorflow/tfjs"
import { describe, expect, it } from "vitest"
import { weight as values } from "../../../reference/synthetic.ts"
import type { LoraModule, LoraTensor } from "./module-delta.ts"
import { mergedWeight } from "./module-delta.ts"
import type { LoraTensorName } from "./module-names.ts"

const tensor = (name: string, shape: readonly number[]): LoraTensor => ({ shape, values: values(name, shape) })
const scalar = (value: number): LoraTensor => ({ shape: [], values: Float32Array.of(value) })
const moduleOf = (tensors: Partial<Record<LoraTensorName, LoraTensor>>): LoraModule =>
  new Map(Object.entries(tensors) as [LoraTensorName, LoraTensor][])
const host = (shape: readonly number[]) => tensor("host", shape)

/** The element [row, column] of a matrix. */
const at = ({ shape, values }: LoraTensor, row: number, column: number): number =>
  values[row * (values.length / (shape[0] ?? 1)) + column] as number

function expectMerged(
  merged: Float32Array,
  { shape, values }: LoraTensor,
  delta: (row: number, column: number) => number,
): void {
  const width = values.length / (shape[0] ?? 1)
  const wanted = values.map((value, i) => value + delta(Math.floor(i / width), i % width))
  expect(Math.max(...merged.map((value, i) => Math.abs(value - (wanted[i] as number))))).toBeLessThan(1e-6)
}

const sum = (count: number, of: (k: number) => number): number =>
  Array.from({ length: count }, (_, k) => of(k)).reduce((total, value) => total + value, 0)

describe("mergedWeight", () => {
  it("adds a LoHa: two low-rank products, multiplied element by element", async () => {
    const base = host([6, 4, 3, 3])
    const parts = {
      hada_w1_a: tensor("1a", [6, 2]),
      hada_w1_b: tensor("1b", [2, 36]),
      hada_w2_a: tensor("2a", [6, 2]),
      hada_w2_b: tensor("2b", [2, 36]),
    }
    const merged = await mergedWeight("m", base, moduleOf({ ...parts, alpha: scalar(1) }), 0.7)
    const product = (a: LoraTensor, b: LoraTensor, row: number, column: number): number =>
      sum(2, (k) => at(a, row, k) * at(b, k, column))
    expectMerged(
      merged,
      base,
      (row, column) =>
        ((0.7 * 1) / 2) *
        product(parts.hada_w1_a, parts.hada_w1_b, row, column) *
        product(parts.hada_w2_a, parts.hada_w2_b, row, column),
    )
  })

  it("adds a LoKr of two whole matrices, which has no scale", async () => {
    const base = host([6, 6])
    const first = tensor("w1", [2, 3])
    const second = tensor("w2", [3, 2])
    const merged = await mergedWeight("m", base, moduleOf({ lokr_w1: first, lokr_w2: second, alpha: scalar(64) }), 2)
    expectMerged(
      merged,
      base,
      (row, column) => 2 * at(first, Math.floor(row / 3), Math.floor(column / 2)) * at(second, row % 3, column % 2),
    )
  })

  it("adds a LoKr of low rank to a convolution", async () => {
    const base = host([4, 6, 3, 3])
    const first = tensor("w1", [2, 2])
    const [a, b] = [tensor("w2a", [2, 1]), tensor("w2b", [1, 27])]
    const module = moduleOf({ lokr_w1: first, lokr_w2_a: a, lokr_w2_b: b, alpha: scalar(3) })
    expectMerged(await mergedWeight("m", base, module, 1), base, (row, column) => {
      const [channel, position] = [Math.floor(column / 9), column % 9]
      const second = at(a, row % 2, 0) * at(b, 0, (channel % 3) * 9 + position)
      return 3 * at(first, Math.floor(row / 2), Math.floor(channel / 3)) * second
    })
  })

  it("adds a whole difference", async () => {
    const base = host([3, 5])
    const diff = tensor("diff", [3, 5])
    expectMerged(
      await mergedWeight("m", base, moduleOf({ diff }), 0.5),
      base,
      (row, column) => 0.5 * at(diff, row, column),
    )
  })

  it("gives the rows of a PEFT DoRA their lengths", async () => {
    const base = host([3, 5])
    const module = moduleOf({
      lora_up: tensor("up", [3, 2]),
      lora_down: tensor("down", [2, 5]),
      dora_scale: { shape: [3], values: Float32Array.of(1, 2, 3) },
    })
    const merged = await mergedWeight("m", base, module, 1)
    const lengths = [0, 1, 2].map((row) => Math.hypot(...merged.subarray(5 * row, 5 * row + 5)))
    for (const [row, length] of lengths.entries()) expect(length).toBeCloseTo(row + 1, 5)
  })

  it.each([
    [{ lora_up: tensor("u", [3, 2]) }, 'm has no "lora_down", and has lora_up'],
    [
      { lora_up: tensor("u", [3, 2]), lora_down: tensor("d", [4, 5]) },
      "m has lora_up of rank 2 and lora_down of rank 4",
    ],
    [
      { lora_up: tensor("u", [9, 2]), lora_down: tensor("d", [2, 5]) },
      "m is for a weight of 45 values, the layer's weight is [3, 5]",
    ],
    [{ alpha: scalar(1) }, 'm has no "lora_up"'],
    [{ lora_up: scalar(1), lora_down: scalar(1) }, 'm has "lora_up" of []'],
    [
      { lora_up: tensor("u", [3, 2]), lora_down: tensor("d", [2, 5]), alpha: scalar(Number.NaN) },
      "m has an alpha of NaN",
    ],
    [
      { lora_up: tensor("u", [3, 2]), lora_down: tensor("d", [2, 5]), dora_scale: tensor("s", [4, 1]) },
      "m has a dora_scale of [4, 1]",
    ],
    [{ lokr_w1: tensor("1", [2, 2]), lokr_w2: tensor("2", [2, 2]) }, "m has LoKr factors"],
  ])("refuses tensors that do not fit: %#", async (tensors, message) => {
    await expect(mergedWeight("m", host([3, 5]), moduleOf(tensors), 1)).rejects.toThrow(message)
  })
})
