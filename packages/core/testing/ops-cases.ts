import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { adapt } from "../src/ops/adapt.ts"
import { adapterLayout, adaptGroup } from "../src/ops/adapt-group.ts"
import { createDenseStack } from "../src/ops/composed/dense-stack.ts"
import {
  conv2dPlus,
  conv2dShift,
  groupNormBeside,
  layerNormBeside,
  linearEach,
  linearGeglu,
  linearPlus,
  selfAttention,
} from "../src/ops/joined-verbs.ts"
import type {
  AdapterStrengths,
  AdapterTail,
  DenseParams,
  LinearWeight,
  Ops,
  Padding,
  QueryKeyValue,
} from "../src/ops/ops.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"
import { createStream } from "../src/random/stream.ts"
import * as plain from "./plain-ops.ts"

/** A verb of `Ops` with fixed shapes, on a device and in float64. */
export interface OpsCase {
  readonly name: string
  readonly inputs: readonly CaseInput[]
  /** The largest difference of the result, relative to the greatest expected value. */
  readonly tolerance: number
  /** The verb with its weights loaded. */
  prepare(ops: Ops): Promise<PreparedCase>
  /** The result in float64, from the inputs' values. */
  expected(...inputs: plain.Values[]): plain.Values
}

export interface CaseInput {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

export interface PreparedCase {
  run(...inputs: Tensor[]): Tensor
  dispose(): void
}

/**
 * The tolerance for float32 products of a few hundred terms. Backends with bfloat16 or float16 need other tolerances.
 */
const TOLERANCE = 2e-5

/**
 * Every verb, with the shapes where kernels often fail: odd channels, one row, several heads, borders, large values.
 */
export function opsCases(): OpsCase[] {
  return [
    ...[
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
    ],
    ...[
      convCase("3×3", [2, 7, 9, 5], 6, 3, 1, [1, 1, 1, 1], true),
      convCase("1×1, no bias", [1, 5, 4, 7], 3, 1, 1, [0, 0, 0, 0], false),
      convCase("3×3, stride 2", [1, 8, 10, 4], 5, 3, 2, [1, 1, 1, 1], true),
      convCase("3×3, stride 2, padded below and right", [2, 8, 6, 3], 4, 3, 2, [0, 1, 0, 1], true),
      convCase("4×4, stride 2, odd sides", [1, 9, 11, 3], 2, 4, 2, [1, 1, 1, 1], true),
      convCase("2×2, no padding", [1, 5, 5, 2], 9, 2, 1, [0, 0, 0, 0], true),
      convCase("3×3, plus a tensor", [2, 7, 9, 5], 6, 3, 1, [1, 1, 1, 1], true, true),
      convCase("1×1, no bias, plus a tensor", [1, 5, 4, 8], 12, 1, 1, [0, 0, 0, 0], false, true),
      convShiftCase("3×3, two samples", [2, 5, 7, 5], 6, 3, [1, 1, 1, 1]),
      convShiftCase("3×3, 8 channels", [3, 4, 4, 8], 8, 3, [1, 1, 1, 1]),
      convShiftCase("1×1", [2, 5, 4, 8], 12, 1, [0, 0, 0, 0]),
      convCase("3×3, 40 to 24 channels, odd pixels", [3, 3, 5, 40], 24, 3, 1, [1, 1, 1, 1], true),
    ],
    ...[false, true].flatMap((silu) => [
      groupNormCase("one channel per group", [2, 5, 7, 32], 32, silu, 1),
      groupNormCase("three channels per group", [1, 9, 8, 6], 2, silu, 1),
      groupNormCase("one pixel", [3, 1, 1, 8], 2, silu, 1),
      groupNormCase("far from zero", [1, 6, 6, 64], 32, silu, 1, 20),
    ]),
    ...[
      layerNormCase("rows of three axes", [2, 77, 70], 0),
      layerNormCase("one row of three", [1, 3], 0),
      layerNormCase("far from zero", [5, 64], 20),
      layerNormCase("rows of three axes, plus their input", [2, 37, 70], 0, true),
      groupNormCase("three channels per group, plus the input", [2, 5, 7, 6], 2, true, 1, 0, true),
      linearEachCase("two layers, odd rows", [2, 37, 20], 12, 2, false),
      linearEachCase("three layers with biases", [5, 7], 9, 3, true),
    ],
    ...[
      attentionCase("70 tokens, 77 keys", { n: 2, tokens: 70, keys: 77, heads: 1, dim: 20, causal: false }, 1),
      attentionCase("several odd heads", { n: 1, tokens: 33, keys: 33, heads: 3, dim: 5, causal: false }, 1),
      attentionCase("causal", { n: 2, tokens: 77, keys: 77, heads: 2, dim: 8, causal: true }, 1),
      attentionCase("one token, one key", { n: 2, tokens: 1, keys: 1, heads: 2, dim: 4, causal: false }, 1),
      attentionCase("one token, 77 keys", { n: 1, tokens: 1, keys: 77, heads: 1, dim: 64, causal: false }, 1),
      attentionCase("no gradient of the keys", { n: 2, tokens: 9, keys: 7, heads: 2, dim: 8, causal: false }, 1, false),
      attentionCase("scores of hundreds", { n: 1, tokens: 12, keys: 10, heads: 1, dim: 16, causal: false }, 12),
      selfAttentionCase("one input", { n: 2, tokens: 64, keys: 64, heads: 2, dim: 8, causal: false }, 12, 1),
      selfAttentionCase("three inputs", { n: 1, tokens: 32, keys: 32, heads: 1, dim: 40, causal: false }, 20, 3),
      selfAttentionCase("odd sizes", { n: 1, tokens: 33, keys: 33, heads: 3, dim: 5, causal: true }, 7, 1),
      selfAttentionCase("odd sizes, three inputs", { n: 2, tokens: 7, keys: 7, heads: 1, dim: 5, causal: false }, 9, 3),
    ],
    ...[
      activationCase("silu", [2, 3, 11], (x) => plain.silu(x)),
      activationCase("gelu", [2, 3, 11], (x) => plain.gelu(x)),
      activationCase("quickGelu", [2, 3, 11], (x) => plain.quickGelu(x)),
      activationCase("relu", [2, 3, 11], (x) => Math.max(x, 0)),
      gegluCase("odd width", [2, 5, 14]),
      gegluCase("one row", [1, 2]),
      linearGegluCase("rows of three axes", [2, 35, 20], 36, true),
      linearGegluCase("no bias", [70, 24], 32, false),
      linearGegluCase("odd width", [3, 7], 5, true),
    ],
    ...[upsampleCase("odd channels", [2, 3, 5, 7]), upsampleCase("one pixel", [1, 1, 1, 1])],
    lookUpCase(),
    ...[
      adaptCase("queries, keys and values", [2, 9, 12], 2, [8, 8, 8], 1),
      adaptCase("odd widths, samples in turn", [4, 9, 13], 2, [7, 1, 5], 0.5),
      adaptCase("one adapter, one control for all", [3, 7, 12], 1, [33], -0.75),
      adaptCase("one token", [1, 1, 6], 1, [1], 1),
      adaptGroupCase("queries, keys and values", [2, 9, 12], [3, 2, 8], 0.5),
      adaptGroupCase("odd widths, samples in turn", [4, 19, 13], [2, 2, 7], [0, 0.5, 0.5, -1]),
      adaptGroupCase("one adapter, one control for all", [3, 7, 12], [1, 1, 33], [1, 1, -0.75]),
      adaptGroupCase("more rows than a tile, many channels", [1, 70, 140], [3, 1, 16], 1),
      adaptCase(
        "a strength for every adapter and sample",
        [4, 9, 12],
        2,
        [8, 5],
        [
          [0, 0, 1, 1],
          [0.5, -1, 0.25, 0.25],
        ],
      ),
    ],
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

/** The values of a result, with another tensor's added. */
function sum(values: plain.Values, plus: plain.Values | undefined): plain.Values {
  return plus === undefined ? values : values.map((value, i) => value + (plus[i] as number))
}

/** [rows, columns] → [columns, rows] */
function transposed(matrix: plain.Values, rows: number, columns: number): plain.Values {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)] as number)
}

function convCase(
  title: string,
  shape: readonly [number, number, number, number],
  out: number,
  side: number,
  stride: 1 | 2,
  padding: Padding,
  biased: boolean,
  isPlus = false,
): OpsCase {
  const [n, h, w, inner] = shape
  const filter = [out, inner, side, side]
  const weight = values("conv2d weight", filter, 1 / (side * Math.sqrt(inner)))
  const bias = biased ? values("conv2d bias", [out]) : null
  const sizes = { n, h, w, inner, out, kernelHeight: side, kernelWidth: side, stride, padding }
  return {
    name: `conv2d: ${title}`,
    inputs: [input("x", shape), ...(isPlus ? [input("plus", [n, h, w, out])] : [])],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.conv2d(entry("weight", filter, weight), bias && entry("bias", [out], bias))
      const options = { stride, padding }
      const run = (x: Tensor4D, plus?: Tensor): Tensor =>
        plus === undefined ? ops.conv2d(x, loaded, options) : conv2dPlus(ops, x, loaded, options, plus as Tensor4D)
      return { run: (x, plus) => run(x as Tensor4D, plus), dispose: () => loaded.dispose() }
    },
    expected: (x, plus) => sum(plain.conv2d(x as plain.Values, doubles(weight), bias && doubles(bias), sizes), plus),
  }
}

/** A convolution whose shift is a constant. */
function convShiftCase(
  title: string,
  shape: readonly [number, number, number, number],
  out: number,
  side: number,
  padding: Padding,
): OpsCase {
  const [n, h, w, inner] = shape
  const filter = [out, inner, side, side]
  const weight = values("conv2d weight", filter, 1 / (side * Math.sqrt(inner)))
  const [bias, shift] = [values("conv2d bias", [out]), values("conv2d shift", [n, out])]
  const sizes = { n, h, w, inner, out, kernelHeight: side, kernelWidth: side, stride: 1, padding } as const
  return {
    name: `conv2dShift: ${title}`,
    inputs: [input("x", shape)],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.conv2d(entry("weight", filter, weight), entry("bias", [out], bias))
      const shiftTensor = tf.tensor2d(shift, [n, out])
      return {
        run: (x) => conv2dShift(ops, x as Tensor4D, loaded, { stride: 1, padding }, shiftTensor),
        dispose() {
          loaded.dispose()
          shiftTensor.dispose()
        },
      }
    },
    expected: (x) =>
      plain
        .conv2d(x as plain.Values, doubles(weight), doubles(bias), sizes)
        .map((value, i) => value + (shift[Math.floor(i / (h * w * out)) * out + (i % out)] as number)),
  }
}

function groupNormCase(
  title: string,
  shape: readonly [number, number, number, number],
  groups: number,
  silu: boolean,
  spread: number,
  centre = 0,
  isPlus = false,
): OpsCase {
  const [n, h, w, channels] = shape
  const [scale, shift] = [values("norm scale", [channels], 0.5, 1), values("norm shift", [channels])]
  const epsilon = 1e-5
  return {
    name: `groupNorm${isPlus ? "Beside" : ""}${silu ? " with SiLU" : ""}: ${title}`,
    inputs: [input("x", shape, spread, centre)],
    // Values far from zero have lost digits before the norm sees them.
    tolerance: centre === 0 ? TOLERANCE : 10 * TOLERANCE,
    async prepare(ops) {
      const weight = await ops.load.norm(entry("scale", [channels], scale), entry("shift", [channels], shift))
      const options = { groups, epsilon, silu }
      return {
        run: (x) =>
          isPlus
            ? tf.add(...groupNormBeside(ops, x as Tensor4D, weight, options))
            : ops.groupNorm(x as Tensor4D, weight, options),
        dispose: () => weight.dispose(),
      }
    },
    expected: (x) =>
      sum(
        plain.groupNorm(x as plain.Values, doubles(scale), doubles(shift), {
          ...{ n, pixels: h * w, channels, groups, epsilon, silu },
        }),
        isPlus ? x : undefined,
      ),
  }
}

function layerNormCase(title: string, shape: readonly number[], centre: number, isPlus = false): OpsCase {
  const channels = shape[shape.length - 1] as number
  const [scale, shift] = [values("norm scale", [channels], 0.5, 1), values("norm shift", [channels])]
  const epsilon = 1e-5
  return {
    name: `layerNorm${isPlus ? "Beside" : ""}: ${title}`,
    inputs: [input("x", shape, 1, centre)],
    tolerance: centre === 0 ? TOLERANCE : 10 * TOLERANCE,
    async prepare(ops) {
      const weight = await ops.load.norm(entry("scale", [channels], scale), entry("shift", [channels], shift))
      const run = (x: Tensor): Tensor =>
        isPlus ? tf.add(...layerNormBeside(ops, x, weight, epsilon)) : ops.layerNorm(x, weight, epsilon)
      return { run: (x) => run(x as Tensor), dispose: () => weight.dispose() }
    },
    expected: (x) =>
      sum(plain.layerNorm(x as plain.Values, doubles(scale), doubles(shift), epsilon), isPlus ? x : undefined),
  }
}

/** @param keysGradient false: keys and values are constants */
function attentionCase(title: string, sizes: plain.AttentionSizes, spread: number, keysGradient = true): OpsCase {
  const { n, tokens, keys, heads, dim, causal } = sizes
  const width = heads * dim
  const q = input("q", [n, tokens, width], spread)
  const source = [input("k", [n, keys, width], spread), input("v", [n, keys, width])]
  const constants = keysGradient ? [] : source
  return {
    name: `attention: ${title}`,
    inputs: keysGradient ? [q, ...source] : [q],
    // A score of some hundreds has an error of 1e-5 in float32, and so has its exponential.
    tolerance: spread === 1 ? TOLERANCE : 20 * TOLERANCE,
    async prepare(ops) {
      const fixed = constants.map(({ shape, values }) => tf.tensor(values, [...shape]))
      return {
        run(...given) {
          const [q, k, v] = [...given, ...fixed] as [Tensor3D, Tensor3D, Tensor3D]
          return ops.attention(q, k, v, { heads, causal, keysGradient })
        },
        dispose: () => tf.dispose(fixed),
      }
    },
    expected(...given) {
      const [q, k, v] = [...given, ...constants.map(({ values }) => doubles(values))] as [
        plain.Values,
        plain.Values,
        plain.Values,
      ]
      return plain.attention(q, k, v, sizes)
    },
  }
}

/** @param count 1: all layers read one tensor. 3: each reads its own */
function selfAttentionCase(title: string, sizes: plain.AttentionSizes, inner: number, count: 1 | 3): OpsCase {
  const { n, tokens, heads, dim, causal } = sizes
  const shape = [heads * dim, inner]
  const names = ["q", "k", "v"]
  const weights = names.map((name) => values(`${name} weight`, shape, 1 / Math.sqrt(inner)))
  return {
    name: `selfAttention: ${title}`,
    inputs: names.slice(0, count).map((name) => input(`x ${name}`, [n, tokens, inner])),
    tolerance: TOLERANCE,
    async prepare(ops) {
      const layers: LinearWeight[] = []
      for (const weight of weights) layers.push(await ops.load.linear(entry("weight", shape, weight), null))
      return {
        run(...xs) {
          const each = names.map((_, i) => xs[i] ?? xs[0]) as readonly Tensor[] as QueryKeyValue<Tensor3D>
          return selfAttention(ops, each, layers as readonly LinearWeight[] as QueryKeyValue<LinearWeight>, {
            heads,
            causal,
          })
        },
        dispose() {
          for (const layer of layers) layer.dispose()
        },
      }
    },
    expected(...xs) {
      const [q, k, v] = weights.map((weight, i) =>
        plain.linear((xs[i] ?? xs[0]) as plain.Values, doubles(weight), null, inner),
      ) as [plain.Values, plain.Values, plain.Values]
      return plain.attention(q, k, v, sizes)
    },
  }
}

/** Normal values with tails among them, where exponentials overflow and cumulative distributions end. */
function activationCase(
  verb: "silu" | "gelu" | "quickGelu" | "relu",
  shape: readonly number[],
  formula: (x: number) => number,
): OpsCase {
  const x = input("x", shape, 3)
  x.values.set([-100, -30, -12, -5.5, 5.5, 12, 30, 100], 3)
  return {
    name: `${verb}: with tails`,
    inputs: [x],
    tolerance: TOLERANCE,
    async prepare(ops) {
      return { run: (x) => ops[verb](x as Tensor), dispose: () => {} }
    },
    expected: (x) => (x as plain.Values).map(formula),
  }
}

function gegluCase(title: string, shape: readonly number[]): OpsCase {
  return {
    name: `geglu: ${title}`,
    inputs: [input("h", shape, 2)],
    tolerance: TOLERANCE,
    async prepare(ops) {
      return { run: (h) => ops.geglu(h as Tensor), dispose: () => {} }
    },
    expected: (h) => plain.geglu(h as plain.Values, (shape[shape.length - 1] as number) / 2),
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

function upsampleCase(title: string, shape: readonly [number, number, number, number]): OpsCase {
  return {
    name: `upsample2x: ${title}`,
    inputs: [input("x", shape)],
    tolerance: 1e-6,
    async prepare(ops) {
      return { run: (x) => ops.upsample2x(x as Tensor4D), dispose: () => {} }
    },
    expected: (x) => plain.upsample2x(x as plain.Values, shape),
  }
}

function lookUpCase(): OpsCase {
  const [count, width] = [11, 7]
  const rows = values("table", [count, width])
  const indices = [
    [0, 10, 3],
    [5, 5, 1],
  ]
  return {
    name: "lookUp: first, last and repeated rows",
    inputs: [],
    tolerance: 1e-6,
    async prepare(ops) {
      const table = await ops.load.table(entry("rows", [count, width], rows))
      return { run: () => ops.lookUp(table, indices), dispose: () => table.dispose() }
    },
    expected: () =>
      Float64Array.from(indices.flat().flatMap((index) => [...rows.subarray(index * width, (index + 1) * width)])),
  }
}

/** LLLite's adapters before one x, with their results one after another. */
function adaptCase(
  title: string,
  shape: readonly [number, number, number],
  count: number,
  widths: readonly number[],
  strength: number | AdapterStrengths,
): OpsCase {
  const [n, tokens, channels] = shape
  const strengths = typeof strength === "number" ? widths.map(() => Array<number>(n).fill(strength)) : strength
  const joined = widths.reduce((sum, width) => sum + width, 0)
  const inputs = [
    input("x", shape),
    input("down", [channels, joined], 1 / Math.sqrt(channels)),
    input("down bias", [joined], 0.5),
    ...widths.flatMap((width, i) => [
      input(`midDown ${i}`, [width, width], 1 / Math.sqrt(width)),
      input(`share ${i}`, [count, tokens, width]),
      input(`up ${i}`, [width, channels], 1 / Math.sqrt(width)),
      input(`up bias ${i}`, [channels]),
    ]),
  ]
  /** The first three inputs, then four inputs of every adapter. */
  const parted = <T>(tensors: readonly T[]): readonly (readonly T[])[] => [
    tensors.slice(0, 3),
    ...widths.map((_, i) => tensors.slice(3 + 4 * i, 7 + 4 * i)),
  ]
  return {
    ...{ name: `adapt: ${title}`, inputs, tolerance: TOLERANCE },
    async prepare(ops) {
      const run = (...tensors: Tensor[]): Tensor => {
        const [[x, weight, bias] = [], ...rest] = parted(tensors)
        const tails = rest.map(([midDown, share, weight, bias]) => ({ midDown, share, up: { weight, bias } }))
        const down = { weight, bias } as DenseParams
        return tf.stack([...adapt(ops, x as Tensor3D, down, tails as unknown as AdapterTail[], strengths)])
      }
      return { run, dispose: () => {} }
    },
    expected: (...tensors) => {
      const [[x, down, bias] = [], ...rest] = parted(tensors)
      const tails = rest.map(([midDown, share, up, upBias]) => ({ midDown, share, up, upBias }) as plain.AdapterValues)
      return plain.adapt(x as plain.Values, down as plain.Values, bias as plain.Values, tails, strengths)
    },
  }
}

/** LLLite's adapters whose values are one tensor, with their results one after another. */
function adaptGroupCase(
  title: string,
  shape: readonly [number, number, number],
  group: readonly [adapters: number, count: number, width: number],
  strength: number | readonly number[],
): OpsCase {
  const [n, tokens, channels] = shape
  const [adapters, count, width] = group
  const strengths = typeof strength === "number" ? Array<number>(n).fill(strength) : strength
  const { downBias, midDown, up, upBias, size } = adapterLayout(channels, width)
  return {
    ...{ name: `adaptGroup: ${title}`, tolerance: TOLERANCE },
    inputs: [
      input("x", shape),
      input("values", [adapters, size], 0.3),
      input("share", [adapters, count, tokens, width]),
    ],
    async prepare(ops) {
      const run = (...[x, values, share]: Tensor[]): Tensor =>
        tf.stack([
          ...adaptGroup(ops, x as Tensor3D, { values: values as Tensor2D, share: share as Tensor4D }, strengths),
        ])
      return { run, dispose: () => {} }
    },
    expected: (...inputs) => {
      const [x, values, share] = inputs as [plain.Values, plain.Values, plain.Values]
      return Float64Array.from(
        Array.from({ length: adapters }, (_, i) => {
          const own = values.slice(i * size, (i + 1) * size)
          const tail = {
            ...{ midDown: own.slice(midDown, up), up: own.slice(up, upBias), upBias: own.slice(upBias) },
            share: share.slice(i * count * tokens * width, (i + 1) * count * tokens * width),
          }
          return [...plain.adapt(x, own.slice(0, downBias), own.slice(downBias, midDown), [tail], [strengths])]
        }).flat(),
      )
    },
  }
}

function input(name: string, shape: readonly number[], spread = 1, centre = 0): CaseInput {
  return { shape, values: values(name, shape, spread, centre) }
}

function values(name: string, shape: readonly number[], spread = 1, centre = 0): Float32Array {
  return createStream(1, name)
    .normal(tf.util.sizeFromShape([...shape]))
    .map((value) => value * spread + centre)
}

function entry(name: string, shape: readonly number[], values: Float32Array): WeightEntry {
  return { name, dtype: "F32", shape, read: async () => new Uint8Array(values.slice().buffer) }
}

function doubles(values: Float32Array): plain.Values {
  return Float64Array.from(values)
}
