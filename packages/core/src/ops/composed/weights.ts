import { toFloat32 } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Conv2dWeight, LinearWeight, NormWeight, TableWeight, WeightLoader } from "../ops.ts"
import type { WeightEntry } from "../weight-entry.ts"

/** A weight as float32 tensors, in the order of plain products. */
export interface ComposedLinear extends LinearWeight {
  /** [in, out] */
  readonly matrix: Tensor2D
  /** [out, in], for the gradient. Made at the first call. */
  readonly transposed: () => Tensor2D
  readonly bias: Tensor1D | null
}

export interface ComposedConv2d extends Conv2dWeight {
  /** HWIO */
  readonly filter: Tensor4D
  /**
   * The filter rotated by 180°, with input and output channels exchanged. The gradient is a plain convolution with it.
   */
  readonly backwardFilter: () => Tensor4D
  readonly bias: Tensor1D | null
}

export interface ComposedNorm extends NormWeight {
  readonly scale: Tensor1D
  readonly shift: Tensor1D
}

export interface ComposedTable extends TableWeight {
  /** Rows one after another. They stay off the device, because few of many are ever looked up. */
  readonly rows: Float32Array
  readonly width: number
}

/** Reads everything of a weight before its first tensor is made. So a read that fails leaves no tensor behind. */
export const composedLoader: WeightLoader = {
  async linear(weight, bias) {
    const [out, inner] = expectRank(weight, 2) as [number, number]
    const [values, biasValues] = [await readFloat32(weight), await readBias(bias, out)]
    const matrix = layOut(values, [out, inner], [1, 0]) as Tensor2D
    const bytes = 4 * (out * inner + (bias === null ? 0 : out))
    return composedLinear(weight.shape, bytes, matrix, biasValues && keptVector(biasValues))
  },
  async conv2d(weight, bias) {
    const [out] = expectRank(weight, 4) as [number]
    const [values, biasValues] = [await readFloat32(weight), await readBias(bias, out)]
    const filter = layOut(values, weight.shape, [2, 3, 1, 0]) as Tensor4D
    const bytes = 4 * (filter.size + (bias === null ? 0 : out))
    return composedConv2d(weight.shape, bytes, filter, biasValues && keptVector(biasValues))
  },
  async norm(scale, shift) {
    const [width] = expectRank(scale, 1) as [number]
    const [scaleValues, shiftValues] = [await readVector(scale, width), await readVector(shift, width)]
    const [scaleTensor, shiftTensor] = [keptVector(scaleValues), keptVector(shiftValues)]
    const norm: ComposedNorm = {
      kind: "norm",
      shape: scale.shape,
      bytes: 8 * width,
      scale: scaleTensor,
      shift: shiftTensor,
      dispose: () => tf.dispose([scaleTensor, shiftTensor]),
    }
    return norm
  },
  async table(rows) {
    const [, width] = expectRank(rows, 2) as [number, number]
    const values = await readFloat32(rows)
    const table: ComposedTable = {
      kind: "table",
      shape: rows.shape,
      bytes: values.byteLength,
      rows: values,
      width,
      dispose: () => {},
    }
    return table
  },
}

/** Rows of a table. indices: N lists of T integers → [N, T, width] */
export function lookUp(weight: TableWeight, indices: readonly ArrayLike<number>[]): Tensor3D {
  const { rows, width, shape } = weight as ComposedTable
  const count = shape[0] ?? 0
  const length = indices[0]?.length ?? 0
  const found = new Float32Array(indices.length * length * width)
  indices.forEach((list, n) => {
    if (list.length !== length)
      throw new CoreError("row-count", `look-up: list ${n} has ${list.length} indices, expected ${length}`)
    for (let t = 0; t < length; t++) {
      const index = list[t] as number
      if (!(Number.isInteger(index) && index >= 0 && index < count)) {
        throw new CoreError(
          "index-range",
          `look-up: index ${index} at [${n}, ${t}], expected a whole number from 0 to ${count - 1}`,
        )
      }
      found.set(rows.subarray(index * width, (index + 1) * width), (n * length + t) * width)
    }
  })
  return tf.tensor3d(found, [indices.length, length, width])
}

function composedLinear(
  shape: readonly number[],
  bytes: number,
  matrix: Tensor2D,
  bias: Tensor1D | null,
): ComposedLinear {
  const transposed = lazily(() => tf.transpose(matrix) as Tensor2D)
  return {
    kind: "linear",
    shape,
    bytes,
    matrix,
    transposed: transposed.get,
    bias,
    dispose: () => disposeAll(matrix, bias, transposed),
  }
}

function composedConv2d(
  shape: readonly number[],
  bytes: number,
  filter: Tensor4D,
  bias: Tensor1D | null,
): ComposedConv2d {
  const backwardFilter = lazily(() => tf.tidy(() => tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as Tensor4D))
  return {
    kind: "conv2d",
    shape,
    bytes,
    filter,
    backwardFilter: backwardFilter.get,
    bias,
    dispose: () => disposeAll(filter, bias, backwardFilter),
  }
}

interface Lazy<T extends Tensor> {
  readonly get: () => T
  readonly dispose: () => void
}

/** A tensor that is made at first use. It stays until it is disposed, also inside of a tidy. */
function lazily<T extends Tensor>(make: () => T): Lazy<T> {
  let made: T | null = null
  return {
    get: () => {
      made ??= tf.keep(make())
      return made
    },
    dispose: () => {
      made?.dispose()
      made = null
    },
  }
}

function disposeAll(main: Tensor, bias: Tensor | null, second: Lazy<Tensor>): void {
  main.dispose()
  bias?.dispose()
  second.dispose()
}

function expectRank(entry: WeightEntry, rank: number): readonly number[] {
  if (entry.shape.length === rank) return entry.shape
  throw new CoreError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected ${rank} dimensions`)
}

async function readFloat32(entry: WeightEntry): Promise<Float32Array> {
  return toFloat32(await entry.read(), entry.dtype)
}

async function readBias(entry: WeightEntry | null, width: number): Promise<Float32Array | null> {
  return entry === null ? null : readVector(entry, width)
}

async function readVector(entry: WeightEntry, width: number): Promise<Float32Array> {
  if (entry.shape.length !== 1 || entry.shape[0] !== width) {
    throw new CoreError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected [${width}]`)
  }
  return readFloat32(entry)
}

function keptVector(values: Float32Array): Tensor1D {
  return tf.keep(tf.tensor1d(values))
}

function layOut(values: Float32Array, shape: readonly number[], order: number[]): Tensor {
  return tf.keep(tf.tidy(() => tf.transpose(tf.tensor(values, [...shape]), order)))
}
