import type { Tensor, Tensor1D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { createDenseStack } from "../../src/ops/composed/dense-stack.ts"
import { linearEach, linearGeglu, linearPlus } from "../../src/ops/joined-verbs.ts"
import type { LinearWeight } from "../../src/ops/ops.ts"
import * as plain from "../plain-ops.ts"
import { doubles, entry, input, type OpsCase, sum, TOLERANCE, values } from "./case.ts"

/** Products with frozen weights, and with trained ones. */
export function productCases(): OpsCase[] {
  return [
    linearCase("rows of three axes", [2, 70, 20], 77, true),
    linearCase("one row, no bias", [1, 7], 5, false),
    linearCase("one column", [3, 64], 1, true),
    linearCase("64 columns, odd rows", [37, 24], 64, true),
    linearCase("rows of three axes, plus a tensor", [2, 35, 20], 77, true, true),
    linearCase("64 columns, no bias, plus a tensor", [37, 24], 64, false, true),
    denseCase("rows of three axes", [2, 35, 6], 13, true),
    denseCase("one row, no bias", [1, 33], 4, false),
    denseCase("many rows, few columns", [300, 12], 3, true),
    denseCase("a column more than thirty-two", [5, 40], 33, true),
    denseConstantCase("rows of three axes", [2, 35, 6], 13),
    denseStackCase("each its own x", [3, 35, 6], 3, 13),
    denseStackCase("one x for all", [1, 37, 8], 4, 12),
    denseStackCase("one layer", [1, 300, 12], 1, 8),
    linearEachCase("two layers, odd rows", [2, 37, 20], 12, 2, false),
    linearEachCase("three layers with biases", [5, 7], 9, 3, true),
    linearGegluCase("rows of three axes", [2, 35, 20], 36, true),
    linearGegluCase("no bias", [70, 24], 32, false),
    linearGegluCase("odd width", [3, 7], 5, true),
  ]
}

function linearCase(title: string, shape: readonly number[], out: number, biased: boolean, isPlus = false): OpsCase {
  const inner = shape[shape.length - 1] as number
  const weight = values("linear weight", [out, inner], 1 / Math.sqrt(inner))
  const bias = biased ? values("linear bias", [out]) : null
  return {
    name: `linear: ${title}`,
    inputs: [input("x", shape), ...(isPlus ? [input("plus", [...shape.slice(0, -1), out])] : [])],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.linear(entry("weight", [out, inner], weight), bias && entry("bias", [out], bias))
      const run = (x: Tensor, plus?: Tensor): Tensor =>
        plus === undefined ? ops.linear(x, loaded) : linearPlus(ops, x, loaded, plus)
      return { run: (x, plus) => run(x as Tensor, plus), dispose: () => loaded.dispose() }
    },
    expected: (x, plus) => sum(plain.linear(x as plain.Values, doubles(weight), bias && doubles(bias), inner), plus),
  }
}

/** Layers that read one x, with their results one after another. */
function linearEachCase(title: string, shape: readonly number[], out: number, count: number, biased: boolean): OpsCase {
  const inner = shape[shape.length - 1] as number
  const layers = Array.from({ length: count }, (_, i) => ({
    weight: values(`linear weight ${i}`, [out, inner], 1 / Math.sqrt(inner)),
    bias: biased ? values(`linear bias ${i}`, [out]) : null,
  }))
  return {
    ...{ name: `linearEach: ${title}`, inputs: [input("x", shape)], tolerance: TOLERANCE },
    async prepare(ops) {
      const loaded: LinearWeight[] = []
      for (const { weight, bias } of layers) {
        loaded.push(await ops.load.linear(entry("weight", [out, inner], weight), bias && entry("bias", [out], bias)))
      }
      return {
        run: (x) => tf.stack([...linearEach(ops, x as Tensor, loaded)]),
        dispose() {
          for (const weight of loaded) weight.dispose()
        },
      }
    },
    expected: (x) =>
      Float64Array.from(
        layers.flatMap(({ weight, bias }) => [
          ...plain.linear(x as plain.Values, doubles(weight), bias && doubles(bias), inner),
        ]),
      ),
  }
}

function linearGegluCase(title: string, shape: readonly number[], width: number, biased: boolean): OpsCase {
  const inner = shape[shape.length - 1] as number
  const weight = values("linear weight", [2 * width, inner], 1 / Math.sqrt(inner))
  const bias = biased ? values("linear bias", [2 * width]) : null
  return {
    name: `linearGeglu: ${title}`,
    inputs: [input("x", shape)],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.linear(
        entry("weight", [2 * width, inner], weight),
        bias && entry("bias", [2 * width], bias),
      )
      return { run: (x) => linearGeglu(ops, x as Tensor, loaded), dispose: () => loaded.dispose() }
    },
    expected: (x) => plain.geglu(plain.linear(x as plain.Values, doubles(weight), bias && doubles(bias), inner), width),
  }
}

function denseCase(title: string, shape: readonly number[], out: number, biased: boolean): OpsCase {
  const inner = shape[shape.length - 1] as number
  const inputs = [input("x", shape), input("weight", [inner, out], 1 / Math.sqrt(inner))]
  return {
    name: `dense: ${title}`,
    inputs: biased ? [...inputs, input("bias", [out])] : inputs,
    tolerance: TOLERANCE,
    async prepare(ops) {
      return { run: (x, weight, bias) => ops.dense(x as Tensor, weight as Tensor, bias ?? null), dispose: () => {} }
    },
    expected: (x, weight, bias) =>
      plain.linear(x as plain.Values, transposed(weight as plain.Values, inner, out), bias ?? null, inner),
  }
}

/** @param shape of x: [1 or count, rows, in] */
function denseStackCase(title: string, shape: readonly [number, number, number], count: number, out: number): OpsCase {
  const [read, rows, inner] = shape
  return {
    name: `denseStack: ${title}`,
    inputs: [
      input("x", shape),
      input("weight", [count, inner, out], 1 / Math.sqrt(inner)),
      input("bias", [count * out]),
    ],
    tolerance: TOLERANCE,
    prepare: async (ops) => ({
      run: (x, weight, bias) =>
        (ops.denseStack ?? createDenseStack(ops))(
          x as Tensor3D,
          { weight: weight as Tensor3D, bias: bias as Tensor1D },
          { inputGradient: true },
        ),
      dispose: () => {},
    }),
    expected(...all) {
      const [x, weight, bias] = all as [plain.Values, plain.Values, plain.Values]
      const part = (values: plain.Values, i: number, size: number): plain.Values =>
        values.slice(i * size, (i + 1) * size)
      const ys = Array.from({ length: count }, (_, i) =>
        plain.linear(
          part(x, read === 1 ? 0 : i, rows * inner),
          transposed(part(weight, i, inner * out), inner, out),
          part(bias, i, out),
          inner,
        ),
      )
      return Float64Array.from(ys.flatMap((y) => [...y]))
    },
  }
}

/** A dense layer whose x needs no gradient. */
function denseConstantCase(title: string, shape: readonly number[], out: number): OpsCase {
  const inner = shape[shape.length - 1] as number
  const x = values("x", shape)
  return {
    name: `dense of a constant: ${title}`,
    inputs: [input("weight", [inner, out], 1 / Math.sqrt(inner)), input("bias", [out])],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const constant = tf.tensor(x.slice(), [...shape], "float32")
      return {
        run: (weight, bias) => ops.dense(constant, weight as Tensor, bias ?? null, { inputGradient: false }),
        dispose: () => constant.dispose(),
      }
    },
    expected: (weight, bias) =>
      plain.linear(doubles(x), transposed(weight as plain.Values, inner, out), bias ?? null, inner),
  }
}

/** [rows, columns] → [columns, rows] */
function transposed(matrix: plain.Values, rows: number, columns: number): plain.Values {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)] as number)
}
