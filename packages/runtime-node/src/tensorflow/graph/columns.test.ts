import { describe, expect, it } from "vitest"
import { TF_TYPES } from "../ops/device.ts"
import { inColumns } from "./columns.ts"
import type { GraphNode, Value } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { flagOf, int32, nodeBuilder } from "./node-builder.ts"
import { splitGraph } from "./split.ts"

const { F32, BF16, U8 } = TF_TYPES
const codes = { TF_ATTR_TYPE: 1, TF_ATTR_BOOL: 2 }
const build = nodeBuilder(codes)
const input = (index: number, shape: readonly number[], dtype: number = F32): Value => ({
  kind: "input",
  index,
  type: { dtype, shape },
})
const node = (op: string, inputs: readonly Value[], shapes: readonly (readonly number[])[]): GraphNode => ({
  ...{ op, inputs, isBack: false },
  outputs: shapes.map((shape) => ({ dtype: (inputs[0] as Value).type.dtype, shape })),
  attributes: [{ name: "T", type: codes.TF_ATTR_TYPE, value: (inputs[0] as Value).type.dtype }],
})
const half: Value = { kind: "constant", type: { dtype: F32, shape: [] }, bytes: new Uint8Array(4) }
/** x [rows, in] and a weight as files have it, [out, in]. */
const linear = (x: Value, weight: Value): Value => build.product([x, weight], [false, true], false)
const heads = (x: Value, samples: number, count: number): Value => {
  const [rows, width] = x.type.shape as [number, number]
  return build.transpose(build.reshape(x, [samples, rows / samples, count, width / count], false), [0, 2, 1, 3], false)
}
const opsOf = (...values: readonly Value[]): readonly string[] => nodesOf(values).map(({ op }) => op)
const counted = (op: string, ...values: readonly Value[]): number => opsOf(...values).filter((one) => one === op).length
/** What a product multiplies: shapes, with a mark where an input is transposed. */
const productsIn = (...values: readonly Value[]): readonly string[] =>
  nodesOf(values).flatMap((one) => {
    if (!["MatMul", "BatchMatMulV2"].includes(one.op)) return []
    const flags = ["transpose_a", "adj_x", "transpose_b", "adj_y"].map((name) => flagOf(one, name))
    const marks = [flags[0] || flags[1], flags[2] || flags[3]]
    return [one.inputs.map(({ type }, i) => `${type.shape.join("×")}${marks[i] ? "ᵀ" : ""}`).join(" · ")]
  })

describe.each([1, 3])("attention of %d samples", (samples) => {
  const tokens = 32
  const x = input(0, [samples * tokens, 40])
  const [q, k, v] = [1, 2, 3].map((i) => heads(linear(x, input(i, [48, 40])), samples, 4)) as [Value, Value, Value]
  const scaled = outputOf(node("Mul", [q, half], [q.type.shape]))
  const scores = build.product([scaled, k], [false, true], false)
  const weights = outputOf(node("Softmax", [scores], [scores.type.shape]))
  const mixed = build.transpose(build.product([weights, v], [false, false], false), [0, 2, 1, 3], false)
  const y = linear(build.reshape(mixed, [samples * tokens, 48], false), input(4, [24, 48]))
  const [turned] = inColumns([y], codes) as [Value]

  it("needs one transpose, of its result", () => {
    expect(counted("Transpose", y)).toBe(4)
    expect(counted("Transpose", turned)).toBe(1)
    expect(turned.type).toEqual(y.type)
    expect(productsIn(turned)).toHaveLength(6)
  })

  it("multiplies weights from the left", () => {
    const columns = samples === 1 ? "" : "1×"
    const rows = samples === 1 ? "" : `${samples}×`
    expect(productsIn(turned)).toEqual([
      `${columns}48×40 · ${rows}32×40ᵀ`,
      `${columns}48×40 · ${rows}32×40ᵀ`,
      `${columns}48×40 · ${rows}32×40ᵀ`,
      `${samples}×4×12×32ᵀ · ${samples}×4×12×32`,
      // vᵀ pᵀ in place of p v.
      `${samples}×4×12×32 · ${samples}×4×32×32ᵀ`,
      `${columns}24×48 · ${rows}48×32`,
    ])
  })

  it("stays as it is where a product is also read by rows", () => {
    const rows = linear(x, input(1, [48, 40]))
    const [a, b] = [heads(rows, samples, 4), outputOf(node("Square", [rows], [rows.type.shape]))]
    const scores = build.product([a, k], [false, true], false)
    expect(inColumns([scores, b], codes)).toEqual([scores, b])
  })
})

describe("a feed-forward", () => {
  const gated = (h: Value): Value => {
    const [rows, width] = h.type.shape as [number, number]
    const split = node(
      "SplitV",
      [h, int32([2], [width / 2, width / 2]), int32([], [1])],
      [
        [rows, width / 2],
        [rows, width / 2],
      ],
    )
    return outputOf(
      node(
        "Mul",
        [outputOf(split, 0), outputOf(node("Erf", [outputOf(split, 1)], [[rows, width / 2]]))],
        [[rows, width / 2]],
      ),
    )
  }

  it("splits its halves by rows, and turns its result", () => {
    const biased = outputOf(node("BiasAdd", [linear(input(0, [32, 8]), input(1, [64, 8])), input(2, [64])], [[32, 64]]))
    const y = linear(gated(biased), input(3, [8, 32]))
    const [turned] = inColumns([y], codes) as [Value]
    expect(productsIn(turned)).toEqual(["64×8 · 32×8ᵀ", "8×32 · 32×32"])
    expect(opsOf(turned)).toEqual(["MatMul", "Reshape", "AddV2", "SplitV", "Erf", "Mul", "MatMul", "Transpose"])
    const split = nodesOf([turned]).find(({ op }) => op === "SplitV")
    expect(split?.outputs.map(({ shape }) => shape)).toEqual([
      [32, 32],
      [32, 32],
    ])
    expect(split?.inputs[2]).toEqual(int32([], [0]))
  })

  it("reads columns on the way back, too", () => {
    const h = linear(input(0, [32, 8]), input(1, [64, 8]))
    const slope = build.product([input(2, [32, 8]), input(3, [8, 64])], [false, false], true)
    const dh = outputOf({ ...node("Mul", [outputOf(node("Erf", [h], [[32, 64]])), slope], [[32, 64]]), isBack: true })
    const dx = build.product([dh, input(1, [64, 8])], [false, false], true)
    const other = linear(outputOf(node("Exp", [h], [[32, 64]])), input(4, [8, 64]))
    const turned = inColumns([other, dx], codes)
    // The slope does not come as columns, and moves. That is more than half of what is multiplied.
    expect(turned).toEqual([other, dx])
    const wide = outputOf({ ...node("ConcatV2", [dh, dh, int32([], [-1])], [[32, 128]]), isBack: true })
    const [, back] = inColumns([other, build.product([wide, input(5, [128, 8])], [false, false], true)], codes)
    expect(productsIn(back as Value)).toContain("128×32ᵀ · 128×8")
    expect(back?.type.shape).toEqual([32, 8])
  })

  it("stays as it is with few rows", () => {
    const y = linear(gated(linear(input(0, [8, 8]), input(1, [64, 8]))), input(3, [8, 32]))
    expect(inColumns([y], codes)).toEqual([y])
  })

  it("adds a bias of 16 bits in 32 bits, and carries the product alone to the backward pass", () => {
    const product = linear(input(0, [32, 8], BF16), input(1, [64, 8], BF16))
    const biased = outputOf(node("BiasAdd", [product, input(2, [64], BF16)], [[32, 64]]))
    const active = outputOf(node("Erf", [build.cast(biased, F32, false)], [[32, 64]]))
    const y = build.cast(linear(build.cast(active, BF16, false), input(3, [8, 64], BF16)), F32, false)
    const [turned] = inColumns([y], codes) as [Value]
    const sum = nodesOf([turned]).find(({ op }) => op === "AddV2") as GraphNode
    expect(sum.outputs).toEqual([{ dtype: F32, shape: [64, 32] }])
    const slope = outputOf({ ...node("Mul", [outputOf(sum), outputOf(sum)], [[64, 32]]), isBack: true })
    const { keep } = splitGraph({ inputCount: 4, y: turned, gradients: [slope] }, codes)
    expect(keep.slice(1).map(({ type }) => type)).toEqual([{ dtype: U8, shape: [64, 32, 2] }])
  })
})
