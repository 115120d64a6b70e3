import { describe, expect, it } from "vitest"
import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, Value } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { int32, nodeBuilder } from "./node-builder.ts"
import { withOwnProducts } from "./own-products.ts"

const { F32, BF16, F16, I32 } = TF_TYPES
const codes = { TF_ATTR_TYPE: 1, TF_ATTR_BOOL: 2, TF_ATTR_INT: 3 }
const build = nodeBuilder(codes)
const input = (index: number, shape: readonly number[], dtype: number = F32): Value => ({
  kind: "input",
  index,
  type: { dtype, shape },
})
const node = (
  op: string,
  inputs: readonly Value[],
  shape: readonly number[],
  attributes: Readonly<Record<string, unknown>> = {},
): Value =>
  outputOf({
    ...{ op, inputs, isBack: false },
    outputs: [{ dtype: (inputs.at(-1) as Value).type.dtype, shape }],
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, type: 0, value })),
  })
const opsOf = (...values: readonly Value[]): readonly string[] => nodesOf(values).map(({ op }) => op)
/** The one product of a graph, as the op reads it. */
const productIn = (...values: readonly Value[]) => {
  const found = nodesOf(withOwnProducts(values, codes)).filter(({ op }) => op === "LlliteProduct")
  expect(found).toHaveLength(1)
  const { attributes, inputs, outputs } = found[0] as GraphNode
  // A padding of 0 is a shift of -0, which TensorFlow reads as 0.
  const plain = (value: unknown): unknown => (Array.isArray(value) ? value.map((one) => one + 0) : value)
  const named = Object.fromEntries(attributes.map(({ name, value }) => [name, plain(value)]))
  return { ...named, inputs, outputs } as typeof named & Pick<GraphNode, "inputs" | "outputs">
}
const X = input(0, [6, 8])
const WEIGHT = input(1, [10, 8])
const BIAS = input(2, [10])

describe("products", () => {
  it("are ours, with the bias and the residual that follow, through reshapes", () => {
    const product = build.product([X, WEIGHT], [false, true], false)
    const biased = node("BiasAdd", [product, BIAS], [6, 10])
    const shaped = build.reshape(biased, [2, 3, 10], false)
    const residual = input(3, [2, 3, 10])
    const y = node("AddV2", [residual, shaped], [2, 3, 10])
    expect(opsOf(...withOwnProducts([y], codes))).toEqual(["LlliteProduct"])
    expect(productIn(y)).toMatchObject({
      ...{ samples: 1, tokens: 6, width: 8, out: 10, biases: 1, addends: 1, shape: [2, 3, 10] },
      ...{ x_columns: false, y_columns: false, contracts_rows: false, windows: [] },
      inputs: [X, WEIGHT, BIAS, residual],
      outputs: [{ dtype: F32, shape: [2, 3, 10] }],
    })
  })

  it("read weights in 16 bits, and tokens before a cast", () => {
    const weight = input(1, [10, 8], F16)
    const [x, w] = [build.cast(X, BF16, false), build.cast(weight, BF16, false)]
    const y = build.cast(build.product([x, w], [false, true], false), F32, false)
    expect(opsOf(...withOwnProducts([y], codes))).toEqual(["LlliteProduct"])
    expect(productIn(y)).toMatchObject({ T: F32, W: F16, U: F32, inputs: [X, weight] })
  })

  it("keep a cast of weights to fewer bits", () => {
    const y = build.product([build.cast(X, BF16, false), build.cast(WEIGHT, BF16, false)], [false, true], false)
    expect(productIn(y)).toMatchObject({ T: F32, W: BF16, U: BF16 })
    expect(opsOf(...withOwnProducts([y], codes))).toEqual(["Cast", "LlliteProduct"])
  })

  it("take the smaller side for the weights, and write columns where these stand first", () => {
    const x = input(0, [3, 8, 6])
    const weight = input(1, [1, 10, 8])
    expect(productIn(build.product([weight, x], [false, false], false))).toMatchObject({
      ...{ samples: 3, tokens: 6, width: 8, out: 10, x_columns: true, y_columns: true, contracts_rows: false },
      inputs: [x, weight],
    })
    const back = build.product([build.reshape(WEIGHT, [1, 10, 8], false), input(0, [3, 10, 6])], [true, false], false)
    expect(productIn(back)).toMatchObject({ width: 10, out: 8, contracts_rows: true, inputs: [{ index: 0 }, WEIGHT] })
  })

  it("write the other order where a transpose follows", () => {
    const matrix = build.transpose(build.product([X, WEIGHT], [false, true], false), [1, 0], false)
    expect(opsOf(...withOwnProducts([matrix], codes))).toEqual(["LlliteProduct"])
    expect(productIn(matrix)).toMatchObject({ y_columns: true, shape: [10, 6] })
    const batch = build.product([input(1, [1, 10, 8]), input(0, [3, 8, 6])], [false, false], false)
    const rows = build.transpose(batch, [0, 2, 1], false)
    expect(productIn(rows)).toMatchObject({ y_columns: false, samples: 3, tokens: 6, shape: [3, 6, 10] })
    const other = build.transpose(batch, [1, 0, 2], false)
    expect(opsOf(...withOwnProducts([other], codes))).toEqual(["LlliteProduct", "Transpose"])
  })

  it("take a bias of columns, and none along the tokens", () => {
    const columns = build.product([WEIGHT, input(0, [8, 6])], [false, false], false)
    const along = node("AddV2", [columns, input(2, [10, 1])], [10, 6])
    expect(productIn(along)).toMatchObject({ biases: 1, y_columns: true })
    // As many tokens as outputs: only the axis says which of them the numbers are for.
    const square = build.product([input(1, [1, 10, 8]), input(0, [3, 8, 10])], [false, false], false)
    const across = node("AddV2", [square, input(2, [10])], [3, 10, 10])
    expect(opsOf(...withOwnProducts([across], codes))).toEqual(["LlliteProduct", "AddV2"])
  })

  it("that something else reads are not joined with what follows", () => {
    const product = build.product([X, WEIGHT], [false, true], false)
    const biased = node("BiasAdd", [product, BIAS], [6, 10])
    const other = node("Exp", [product], [6, 10])
    expect(opsOf(...withOwnProducts([biased, other], codes))).toEqual(["LlliteProduct", "BiasAdd", "Exp"])
    expect(opsOf(...withOwnProducts([biased, product], codes))).toEqual(["LlliteProduct", "BiasAdd"])
    const twice = node("AddV2", [product, product], [6, 10])
    expect(opsOf(...withOwnProducts([twice], codes))).toEqual(["LlliteProduct", "AddV2"])
  })

  it("add two products, one into the other", () => {
    const [a, b] = [3, 4].map((i) => build.product([input(i, [6, 8]), WEIGHT], [false, true], false)) as [Value, Value]
    const y = node("AddV2", [a, b], [6, 10])
    expect(opsOf(...withOwnProducts([y], codes))).toEqual(["LlliteProduct", "LlliteProduct"])
  })

  it("of two batches stay, as those of whole numbers", () => {
    const scores = build.product([input(0, [2, 4, 6, 8]), input(1, [2, 4, 6, 8])], [false, true], false)
    const whole = build.product([input(0, [6, 8], I32), input(1, [8, 10], I32)], [false, false], false)
    for (const value of [scores, whole]) expect(opsOf(...withOwnProducts([value], codes))).toEqual(opsOf(value))
  })

  it("leave what they do not compute as it is, and keep the order of outputs", () => {
    const product = build.product([X, WEIGHT], [false, true], false)
    const [first, second, third] = withOwnProducts(
      [node("Exp", [product], [6, 10]), X, node("Neg", [X], [6, 8])],
      codes,
    )
    expect(opsOf(first as Value)).toEqual(["LlliteProduct", "Exp"])
    expect(second).toBe(X)
    expect(opsOf(third as Value)).toEqual(["Neg"])
  })
})

describe("convolutions", () => {
  const picture = input(0, [2, 8, 10, 4])
  const filter = input(1, [3, 3, 4, 5], F16)
  const strides = (stride: number) => [1, stride, stride, 1]

  it("are ours, with windows and the bias that follows", () => {
    const wide = build.cast(filter, F32, false)
    const same = node("Conv2D", [picture, wide], [2, 8, 10, 5], { strides: strides(1), padding: "SAME" })
    expect(productIn(node("BiasAdd", [same, input(2, [5])], [2, 8, 10, 5]))).toMatchObject({
      ...{ samples: 2, tokens: 80, width: 4, out: 5, contracts_rows: true, biases: 1, W: F16 },
      windows: [8, 8, 3, 1, 1, -1, 1, 10, 10, 3, 1, 1, -1, 1],
      inputs: [picture, filter, { index: 2 }],
    })
    const attributes = { strides: strides(2), padding: "EXPLICIT", explicit_paddings: [0, 0, 0, 1, 0, 1, 0, 0] }
    expect(productIn(node("Conv2D", [picture, wide], [2, 4, 5, 5], attributes))).toMatchObject({
      tokens: 20,
      windows: [8, 4, 3, 2, 1, 0, 1, 10, 5, 3, 2, 1, 0, 1],
    })
  })

  it("have gradients that are ours, too", () => {
    const sizes = int32([4], [2, 8, 10, 4])
    const dy = input(0, [2, 4, 5, 5])
    const attributes = { strides: strides(2), padding: "EXPLICIT", explicit_paddings: [0, 0, 1, 1, 1, 1, 0, 0] }
    const dx = node("Conv2DBackpropInput", [sizes, build.cast(filter, F32, false), dy], [2, 8, 10, 4], attributes)
    expect(productIn(dx)).toMatchObject({
      ...{ samples: 2, tokens: 80, width: 5, out: 4, contracts_rows: false },
      windows: [4, 8, 3, 1, -1, 1, 2, 5, 10, 3, 1, -1, 1, 2],
      inputs: [dy, filter],
    })
  })

  it("of one pixel are products of tokens", () => {
    const one = input(1, [1, 1, 4, 5])
    const y = node("Conv2D", [picture, one], [2, 8, 10, 5], { strides: strides(1), padding: "VALID" })
    expect(productIn(y)).toMatchObject({ samples: 1, tokens: 160, windows: [] })
    const half = node("Conv2D", [picture, one], [2, 4, 5, 5], { strides: strides(2), padding: "VALID" })
    expect(productIn(half)).toMatchObject({ samples: 2, tokens: 20, windows: expect.arrayContaining([2]) })
  })

  it("stay where their padding or strides are not known", () => {
    const wide = build.cast(filter, F32, false)
    for (const attributes of [
      { strides: [1, 1, 2, 1], padding: "VALID" },
      { strides: strides(2), padding: "SAME" },
      { strides: strides(1), padding: "MIRROR" },
    ]) {
      const y = node("Conv2D", [picture, wide], [2, 4, 5, 5], attributes)
      expect(opsOf(...withOwnProducts([y], codes))).toEqual(["Cast", "Conv2D"])
    }
  })
})
