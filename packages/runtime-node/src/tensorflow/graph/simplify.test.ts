import { expect, it } from "vitest"
import { TF_TYPES } from "../ops/device.ts"
import type { ConstantValue, Value } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { simplify } from "./simplify.ts"
import { splitGraph } from "./split.ts"

const { F32, BF16, I32, U8 } = TF_TYPES
const codes = { TF_ATTR_TYPE: 1, TF_ATTR_FLOAT: 3 }
const input = (index: number, shape: readonly number[], dtype: number = F32): Value => ({
  kind: "input",
  index,
  type: { dtype, shape },
})
const numbers = (dtype: number, ...values: readonly number[]): ConstantValue => ({
  kind: "constant",
  type: { dtype, shape: values.length === 1 ? [] : [values.length] },
  bytes: new Uint8Array((dtype === I32 ? Int32Array : Float32Array).from(values).buffer),
})
const node = (
  op: string,
  inputs: readonly Value[],
  shape: readonly number[],
  dtype: number = F32,
  isBack = false,
): Value =>
  outputOf({
    ...{ op, inputs, isBack, outputs: [{ dtype, shape }] },
    attributes: [{ name: "T", type: codes.TF_ATTR_TYPE, value: dtype }],
  })
const cast = (x: Value, dtype: number): Value => node("Cast", [x], x.type.shape, dtype)
const short = (...values: readonly Value[]): readonly Value[] => simplify(values, { codes })
const ops = (...values: readonly Value[]): readonly string[] => nodesOf(values).map(({ op }) => op)

it("runs the same op on the same values once", () => {
  const twice = node("Add", [node("Erf", [input(0, [4])], [4]), node("Erf", [input(0, [4])], [4])], [4])
  expect(ops(...short(twice))).toEqual(["Erf", "Add"])
  const apart = node("Add", [node("Erf", [input(0, [4])], [4]), node("Erf", [input(1, [4])], [4])], [4])
  expect(ops(...short(apart))).toEqual(["Erf", "Erf", "Add"])
})

it("leaves out reshapes of reshapes, and ops that change nothing", () => {
  const x = input(0, [2, 6])
  const there = node("Reshape", [x, numbers(I32, 3, 4)], [3, 4])
  expect(short(node("Reshape", [there, numbers(I32, 2, 6)], [2, 6]))).toEqual([x])
  expect(ops(...short(node("Reshape", [there, numbers(I32, 12, 1)], [12, 1])))).toEqual(["Reshape"])
  expect(short(cast(x, F32))).toEqual([x])
  expect(short(node("Tile", [x, numbers(I32, 1, 1)], [2, 6]))).toEqual([x])
})

it("keeps values of 16 bits in 16 bits while they are moved", () => {
  const low = node("MatMul", [input(0, [2, 3], BF16), input(1, [3, 4], BF16)], [2, 4], BF16)
  const moved = node("Transpose", [cast(low, F32), numbers(I32, 1, 0)], [4, 2])
  const [y] = short(cast(moved, BF16))
  expect(ops(y as Value)).toEqual(["MatMul", "Transpose"])
  expect(y?.type).toEqual({ dtype: BF16, shape: [4, 2] })
})

it("does not take a weight of 16 bits in the file for a value that was computed in 16 bits", () => {
  const weight = cast(input(1, [3, 4], BF16), F32)
  const y = node("Transpose", [weight, numbers(I32, 1, 0)], [4, 3])
  expect(ops(...short(y))).toEqual(["Cast", "Transpose"])
})

it("adds a bias by BiasAdd, in the type of the product", () => {
  const product = node("MatMul", [input(0, [2, 3]), input(1, [3, 4])], [2, 4])
  expect(ops(...short(node("Add", [product, input(2, [4])], [2, 4])))).toEqual(["MatMul", "BiasAdd"])
  const low = cast(node("MatMul", [input(0, [2, 3], BF16), input(1, [3, 4], BF16)], [2, 4], BF16), F32)
  const [y] = short(node("Add", [low, input(2, [4])], [2, 4]))
  expect(ops(y as Value)).toEqual(["MatMul", "Cast", "BiasAdd", "Cast"])
  expect(y?.type.dtype).toBe(F32)
  // A sum of two matrices, and a scalar, are not a bias.
  expect(ops(...short(node("Add", [product, input(2, [2, 4])], [2, 4])))).toEqual(["MatMul", "Add"])
  expect(ops(...short(node("Add", [product, numbers(F32, 1)], [2, 4])))).toEqual(["MatMul", "Add"])
})

it("multiplies and weighs attention in 16 bits, with its scale", () => {
  const [q, k, v] = [0, 1, 2].map((i) => cast(node("MatMul", [input(i, [4, 4], BF16)], [4, 4], BF16), F32)) as [
    Value,
    Value,
    Value,
  ]
  const scores = node("BatchMatMulV2", [node("Mul", [q, numbers(F32, 0.125)], [4, 4]), k], [4, 4])
  const [y] = short(cast(node("BatchMatMulV2", [node("Softmax", [scores], [4, 4]), v], [4, 4]), BF16))
  expect(nodesOf([y as Value]).filter(({ outputs }) => outputs[0]?.dtype !== BF16)).toEqual([])
})

it("carries what the backward pass reads, 16 bits as bytes, and computes cheap ops again", () => {
  const product = node("MatMul", [input(0, [2, 3], BF16), input(1, [3, 4], BF16)], [2, 4], BF16)
  const y = cast(product, F32)
  const slope = node("Mul", [input(2, [2, 4]), y], [2, 4], F32, true)
  const { keep, back, backInputCount } = splitGraph({ inputCount: 3, y, gradients: [slope] }, codes)
  expect(keep.map(({ type }) => type)).toEqual([
    { dtype: F32, shape: [2, 4] },
    { dtype: U8, shape: [2, 4, 2] },
  ])
  expect(backInputCount).toBe(4)
  expect(ops(...back)).toEqual(["Bitcast", "Cast", "Mul"])
})

it.each([
  // The upper 16 bits of a float32, rounded to the nearest. A tie goes to the even one.
  ["1 / √40, up", 0x3e21e89b, 0x3e22],
  ["0.1, down", 0x3dcc_0001, 0x3dcc],
  ["a tie after an even number", 0x3f808000, 0x3f80],
  ["a tie after an odd number", 0x3f818000, 0x3f82],
  ["a number below zero", 0xbe21e89b, 0xbe22],
])("rounds a scale of attention to 16 bits: %s", (_, from, to) => {
  const [scale] = new Float32Array(Uint32Array.of(from).buffer)
  const [q, k] = [0, 1].map((i) => cast(node("MatMul", [input(i, [4, 4], BF16)], [4, 4], BF16), F32)) as [Value, Value]
  const scores = node("BatchMatMulV2", [node("Mul", [q, numbers(F32, scale as number)], [4, 4]), k], [4, 4])
  const scaled = nodesOf(short(scores)).find(({ op }) => op === "Mul")
  const constant = scaled?.inputs[1] as ConstantValue
  expect(constant.type).toEqual({ dtype: BF16, shape: [] })
  expect(constant.bytes).toEqual(Uint8Array.of(to & 255, to >>> 8))
})

it("keeps each output of an op of several for the backward pass", () => {
  const parts = {
    ...{ op: "Unpack", attributes: [], isBack: false, inputs: [input(0, [2, 4])] },
    outputs: [
      { dtype: F32, shape: [4] },
      { dtype: F32, shape: [4] },
    ],
  }
  const [first, second] = [outputOf(parts, 0), outputOf(parts, 1)]
  const slope = node("Mul", [node("Mul", [input(1, [4]), second], [4], F32, true), first], [4], F32, true)
  const again = node("Sub", [slope, second], [4], F32, true)
  const { keep, back, backInputCount } = splitGraph({ inputCount: 2, y: first, gradients: [again] }, codes)
  expect(keep).toEqual([first, second, first])
  expect(backInputCount).toBe(4)
  // Inputs 2 and 3 are what was kept: the second output, and the first.
  const reads = nodesOf(back).map(({ op, inputs }) => [
    op,
    ...inputs.map((value) => (value.kind === "input" ? value.index : "node")),
  ])
  expect(reads).toEqual([
    ["Mul", 1, 2],
    ["Mul", "node", 3],
    ["Sub", "node", 2],
  ])
})
