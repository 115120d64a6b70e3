import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { LoraTensorName } from "./module-names.ts"

/** A tensor of a LoRA or of a layer in PyTorch's layout, row-major. A weight is [out, in], or [out, in, kernel, kernel]. */
export interface LoraTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** The tensors of one module. */
export type LoraModule = ReadonlyMap<LoraTensorName, LoraTensor>

/**
 * A layer's weight with a module merged into it: W + strength · alpha / rank · (up · down). A DoRA then gives each
 * column or row its stored length.
 *
 * It knows LoRA and LoCon (Linear, convolutions, the core of a Tucker decomposition), LoHa, LoKr, whole differences, and
 * DoRA over any of them.
 *
 * Source: Hu et al. 2021 (arXiv:2106.09685); Yeh et al. 2023 (LyCORIS, arXiv:2309.14859); Liu et al. 2024 (DoRA,
 * arXiv:2402.09353); LyCORIS 3.4, `get_merged_weight`.
 *
 * @throws CoreError when tensors are missing, or do not fit the layer
 */
export async function mergedWeight(
  label: string,
  weight: LoraTensor,
  module: LoraModule,
  strength: number,
): Promise<Float32Array> {
  const reader = readerOf(label, module, weight)
  const change = tf.tidy(() => tf.reshape(tf.mul(deltaOf(reader), scaleOf(reader)), [-1]))
  const delta = await change.data<"float32">()
  change.dispose()
  if (delta.length !== weight.values.length) throw reader.refuse(`is for a weight of ${delta.length} values`)
  if (!reader.has("dora_scale")) return weight.values.map((value, i) => value + strength * (delta[i] as number))
  const whole = weight.values.map((value, i) => value + (delta[i] as number))
  const { changes, lineOf } = lengthsOf(reader, whole)
  return whole.map((value, i) => value * (strength * (changes[lineOf(i)] as number) + 1))
}

/**
 * How a DoRA changes the length of each row or column of the layer's weight with its difference: the factor less 1.
 * `out` is a value for each row, `in` one for each column.
 */
export interface LengthChange {
  readonly side: "in" | "out"
  readonly values: Float32Array
}

/**
 * The change of lengths of a DoRA at strength 1.
 *
 * @param weight of the layer
 * @throws as `mergedWeight`
 */
export async function lengthChange(label: string, weight: LoraTensor, module: LoraModule): Promise<LengthChange> {
  const whole = await mergedWeight(label, weight, new Map([...module].filter(([name]) => name !== "dora_scale")), 1)
  const { side, changes } = lengthsOf(readerOf(label, module, weight), whole)
  return { side, values: Float32Array.from(changes) }
}

/** A module that runs beside its layer. Its scale, alpha / rank, is in its last weight. */
export type LiveFactors =
  /** Layers one after another: down, the core of a Tucker decomposition if there is one, up. */
  | { readonly kind: "low-rank"; readonly down: LoraTensor; readonly mid: LoraTensor | null; readonly up: LoraTensor }
  /** The whole difference, in the shape of the layer's weight. */
  | { readonly kind: "whole"; readonly delta: LoraTensor }

/**
 * A module as what it adds to its layer's output at strength 1. LoHa, LoKr and whole differences have no small form, so
 * they take as much memory as the layer.
 *
 * @param shape of the layer's weight: [out, in], or [out, in, kernel, kernel]
 * A DoRA changes lengths as well, see `lengthChange`.
 *
 * @throws CoreError when tensors are missing or do not fit the layer
 */
export async function liveFactors(label: string, shape: readonly number[], module: LoraModule): Promise<LiveFactors> {
  const reader = readerOf(label, module, { shape, values: new Float32Array() })
  const size = shape.reduce((product, side) => product * side, 1)
  if (!reader.has("lora_up") && !reader.has("lora_down")) {
    const change = tf.tidy(() => tf.reshape(tf.mul(deltaOf(reader), scaleOf(reader)), [-1]))
    const values = await change.data<"float32">()
    change.dispose()
    if (values.length !== size) throw reader.refuse(`is for a weight of ${values.length} values`)
    return { kind: "whole", delta: { shape, values } }
  }
  const [out = 0, inner = 0, ...kernel] = shape
  const [down, up] = [reader.tensor("lora_down"), reader.tensor("lora_up")]
  const mid = reader.has("lora_mid") ? reader.tensor("lora_mid") : null
  const [rank = 0] = down.shape
  const [, lastRank = 0] = up.shape
  const positions = kernel.reduce((product, side) => product * side, 1)
  const fits =
    down.values.length === rank * inner * (mid === null ? positions : 1) &&
    up.values.length === out * lastRank &&
    (mid === null ? lastRank === rank : mid.values.length === lastRank * rank * positions)
  if (!fits) {
    const shapes = [down, ...(mid === null ? [] : [mid]), up].map((one) => `[${one.shape.join(", ")}]`)
    throw reader.refuse(`has factors of ${shapes.join(", ")}`)
  }
  const scale = scaleOf(reader)
  return { kind: "low-rank", down, mid, up: { shape: up.shape, values: up.values.map((value) => scale * value) } }
}

interface Reader {
  readonly weight: LoraTensor
  has(name: LoraTensorName): boolean
  tensor(name: LoraTensorName): LoraTensor
  /** [rows, everything else] */
  matrix(name: LoraTensorName): tf.Tensor2D
  refuse(problem: string): CoreError
}

function readerOf(label: string, module: LoraModule, weight: LoraTensor): Reader {
  const refuse = (problem: string): CoreError =>
    new CoreError(
      "adapter-values",
      `${label} ${problem}, the layer's weight is [${weight.shape.join(", ")}]. Is the LoRA for SDXL, and the file whole?`,
    )
  const tensor = (name: LoraTensorName): LoraTensor => {
    const found = module.get(name)
    if (found === undefined) throw refuse(`has no "${name}", and has ${[...module.keys()].join(", ")}`)
    return found
  }
  return {
    weight,
    refuse,
    tensor,
    has: (name) => module.has(name),
    matrix(name) {
      const { shape, values } = tensor(name)
      const [rows = 0] = shape
      if (shape.length < 2 || rows === 0) throw refuse(`has "${name}" of [${shape.join(", ")}]`)
      return tf.tensor2d(values, [rows, values.length / rows])
    },
  }
}

/** The difference that the module adds at strength 1, before its scale. */
function deltaOf(reader: Reader): tf.Tensor {
  if (reader.has("diff")) {
    const { values } = reader.tensor("diff")
    return tf.tensor1d(values)
  }
  if (reader.has("hada_w1_a")) return hadamard(reader)
  if (reader.has("lokr_w1") || reader.has("lokr_w1_a")) return kronecker(reader)
  const up = reader.matrix("lora_up")
  const down = reader.matrix("lora_down")
  // A core may stand between two ranks.
  if (reader.has("lora_mid")) return tucker(reader, "lora_mid", up, down)
  const [rank] = down.shape
  if (up.shape[1] !== rank) throw reader.refuse(`has lora_up of rank ${up.shape[1]} and lora_down of rank ${rank}`)
  return tf.matMul(up, down)
}

/** The core of a Tucker decomposition between two factors: core [r, r, k, k], up [out, r], down [r, in]. */
function tucker(reader: Reader, name: LoraTensorName, up: tf.Tensor2D, down: tf.Tensor2D): tf.Tensor {
  const { shape, values } = reader.tensor(name)
  const [rows = 0, columns = 0, ...kernel] = shape
  const positions = kernel.reduce((product, side) => product * side, 1)
  if (rows !== up.shape[1] || columns !== down.shape[0]) {
    throw reader.refuse(`has "${name}" of [${shape.join(", ")}] between ranks ${up.shape[1]} and ${down.shape[0]}`)
  }
  const core = tf.reshape(tf.tensor1d(values), [rows, columns * positions])
  // [out, r · positions] → [out · positions, r] · [r, in] → [out, in, positions]
  const left = tf.reshape(tf.matMul(up, core), [up.shape[0], columns, positions])
  const turned = tf.reshape(tf.transpose(left, [0, 2, 1]), [up.shape[0] * positions, columns])
  const product = tf.reshape(tf.matMul(turned as tf.Tensor2D, down), [up.shape[0], positions, down.shape[1]])
  return tf.transpose(product, [0, 2, 1])
}

/** LoHa: the elements of two low-rank products, multiplied. */
function hadamard(reader: Reader): tf.Tensor {
  const factor = (half: 1 | 2): tf.Tensor => {
    const a = reader.matrix(`hada_w${half}_a`)
    const b = reader.matrix(`hada_w${half}_b`)
    if (!reader.has(`hada_t${half}`)) return tf.reshape(tf.matMul(a, b), [-1])
    // With a core, the first factor is [r, out].
    return tf.reshape(tucker(reader, `hada_t${half}`, tf.transpose(a) as tf.Tensor2D, b), [-1])
  }
  const [first, second] = [factor(1), factor(2)]
  if (first.size !== second.size) throw reader.refuse(`has LoHa factors of ${first.size} and ${second.size} values`)
  return tf.mul(first, second)
}

/** LoKr: the Kronecker product of two matrices, each whole or of low rank. */
function kronecker(reader: Reader): tf.Tensor {
  const { shape } = reader.weight
  const first: tf.Tensor2D = reader.has("lokr_w1")
    ? reader.matrix("lokr_w1")
    : tf.matMul(reader.matrix("lokr_w1_a"), reader.matrix("lokr_w1_b"))
  const positions = shape.slice(2).reduce((product, side) => product * side, 1)
  const rows = (shape[0] ?? 0) / first.shape[0]
  const columns = (shape[1] ?? 0) / first.shape[1]
  const second = reader.has("lokr_w2")
    ? reader.matrix("lokr_w2")
    : reader.has("lokr_t2")
      ? tucker(reader, "lokr_t2", tf.transpose(reader.matrix("lokr_w2_a")) as tf.Tensor2D, reader.matrix("lokr_w2_b"))
      : tf.matMul(reader.matrix("lokr_w2_a"), reader.matrix("lokr_w2_b"))
  if (!Number.isInteger(rows) || !Number.isInteger(columns) || second.size !== rows * columns * positions) {
    throw reader.refuse(`has LoKr factors of ${first.shape.join("·")} and ${second.size} values`)
  }
  const product = tf.mul(
    tf.reshape(first, [first.shape[0], 1, first.shape[1], 1, 1]),
    tf.reshape(second, [1, rows, 1, columns, positions]),
  )
  return product
}

/** alpha / rank. Without an alpha, or without a rank, it is 1. */
function scaleOf(reader: Reader): number {
  const rank = rankOf(reader)
  if (rank === null || !reader.has("alpha")) return 1
  const [alpha = Number.NaN] = reader.tensor("alpha").values
  if (!Number.isFinite(alpha)) throw reader.refuse(`has an alpha of ${alpha}`)
  return alpha / rank
}

function rankOf(reader: Reader): number | null {
  const rows = (name: LoraTensorName): number | null =>
    reader.has(name) ? (reader.tensor(name).shape[0] ?? null) : null
  if (reader.has("diff")) return null
  return rows("lora_down") ?? rows("hada_w1_b") ?? rows("lokr_w1_b") ?? rows("lokr_w2_b")
}

/** The smallest difference from 1 in float32, which PyTorch adds to a length. */
const EPSILON = 2 ** -23

/** The lengths that a DoRA gives, for the layer's weight with the difference added. */
interface Lengths {
  readonly side: LengthChange["side"]
  /** The factor of each row or column, less 1. */
  readonly changes: Float64Array
  /** The row or column of a value of the weight. */
  lineOf(index: number): number
}

/**
 * DoRA: each row or column of the weight gets the length that is stored. `dora_scale` is [out, 1, …] or [out] for rows,
 * [1, in, …] for columns.
 */
function lengthsOf(reader: Reader, values: Float32Array): Lengths {
  const { shape } = reader.weight
  const magnitude = reader.tensor("dora_scale")
  const [out = 0, inner = 0] = shape
  const positions = values.length / (out * inner)
  const isRows = magnitude.shape[0] === out && magnitude.values.length === out
  if (!isRows && magnitude.values.length !== inner) {
    throw reader.refuse(`has a dora_scale of [${magnitude.shape.join(", ")}]`)
  }
  const lineOf = (i: number): number =>
    isRows ? Math.floor(i / (inner * positions)) : Math.floor(i / positions) % inner
  const squares = new Float64Array(isRows ? out : inner)
  for (const [i, value] of values.entries()) squares[lineOf(i)] = (squares[lineOf(i)] as number) + value * value
  const changes = squares.map((square, line) => (magnitude.values[line] as number) / (Math.sqrt(square) + EPSILON) - 1)
  return { side: isRows ? "out" : "in", changes, lineOf }
}
