import type {
  Conv2dWeight,
  LinearWeight,
  NormWeight,
  TableWeight,
  Weight,
  WeightEntry,
  WeightLoader,
} from "@lllite/core/ops"
import { readEntryInto } from "@lllite/core/ops"
import { toFloat32 } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { WeightDtype } from "../../backends/names.ts"
import { InputError } from "../../errors.ts"
import { createArena } from "./arena.ts"
import type { Handle, TensorflowDevice } from "./device.ts"
import { TYPE_BYTES } from "./device.ts"

/** A matrix as in the file, [out, in]. The forward pass multiplies by its transpose, which is as fast. */
export interface HeldLinear extends LinearWeight {
  readonly matrix: Handle
  readonly bias: Tensor1D | null
}

/** A filter that was transposed to HWIO when it was loaded. */
export interface HeldConv2d extends Conv2dWeight {
  readonly filter: Handle
  readonly bias: Tensor1D | null
}

export interface HeldNorm extends NormWeight {
  readonly scale: Tensor1D
  readonly shift: Tensor1D
}

/** Rows as in the file. They lie in JavaScript's memory, since only few of many rows are read. */
export interface HeldTable extends TableWeight {
  readonly rows: Uint8Array
  readonly dtype: WeightEntry["dtype"]
}

/** The tensors of a weight, in an order that depends on its kind alone. @throws InputError for a table */
export function handlesOf(weight: Weight): readonly (Handle | Tensor)[] {
  const present = (...all: readonly (Handle | Tensor | null)[]): readonly (Handle | Tensor)[] =>
    all.filter((tensor) => tensor !== null)
  switch (weight.kind) {
    case "linear": {
      const { matrix, bias } = weight as HeldLinear
      return present(matrix, bias)
    }
    case "conv2d": {
      const { filter, bias } = weight as HeldConv2d
      return present(filter, bias)
    }
    case "norm": {
      const { scale, shift } = weight as HeldNorm
      return present(scale, shift)
    }
    default:
      throw new InputError("weight-shape", `a part of a network reads a weight of kind "${weight.kind}".`)
  }
}

/** The largest value of float16. */
const LARGEST_F16 = 65504

/**
 * Loads weights from a file into TensorFlow. They keep the file's bytes, in 16 bits or 32. A bias is read before the
 * first tensor is made. So a read that fails leaves no tensor behind.
 *
 * @param weights see `TensorflowOpsOptions`
 */
export function createLoader(device: TensorflowDevice, weights: WeightDtype): WeightLoader {
  const upload = createUploader(device, weights)
  return {
    async linear(weight, bias) {
      expectRank(weight, 2)
      const values = await readBias(bias, weight.shape[0] ?? 0)
      const matrix = await upload(weight, "as-stored")
      const vector = values && keptVector(values)
      const held: HeldLinear = {
        kind: "linear",
        shape: weight.shape,
        bytes: bytesOf(matrix) + 4 * (vector?.size ?? 0),
        matrix,
        bias: vector,
        dispose: () => disposeAll(matrix, vector),
      }
      return held
    },
    async conv2d(weight, bias) {
      expectRank(weight, 4)
      const values = await readBias(bias, weight.shape[0] ?? 0)
      const filter = await upload(weight, "filter")
      const vector = values && keptVector(values)
      const held: HeldConv2d = {
        kind: "conv2d",
        shape: weight.shape,
        bytes: bytesOf(filter) + 4 * (vector?.size ?? 0),
        filter,
        bias: vector,
        dispose: () => disposeAll(filter, vector),
      }
      return held
    },
    async norm(scale, shift) {
      expectRank(scale, 1)
      const width = scale.shape[0] ?? 0
      const values = [await readVector(scale, width), await readVector(shift, width)] as const
      const tensors: [Tensor1D, Tensor1D] = [keptVector(values[0]), keptVector(values[1])]
      const held: HeldNorm = {
        kind: "norm",
        shape: scale.shape,
        bytes: 8 * width,
        scale: tensors[0],
        shift: tensors[1],
        dispose: () => tf.dispose(tensors),
      }
      return held
    },
    async table(rows) {
      expectRank(rows, 2)
      const bytes = await rows.read()
      const held: HeldTable = {
        kind: "table",
        shape: rows.shape,
        bytes: bytes.byteLength,
        rows: bytes,
        dtype: rows.dtype,
        dispose: () => {},
      }
      return held
    },
  }
}

/** Reads rows of a table. indices: N lists of T integers → [N, T, width] */
export function lookUp(weight: TableWeight, indices: readonly ArrayLike<number>[]): Tensor3D {
  const { rows, dtype, shape } = weight as HeldTable
  const [count = 0, width = 0] = shape
  const length = indices[0]?.length ?? 0
  const rowBytes = rows.byteLength / count
  const found = new Float32Array(indices.length * length * width)
  indices.forEach((list, n) => {
    if (list.length !== length) {
      throw new InputError("row-count", `look-up: list ${n} has ${list.length} indices, expected ${length}.`)
    }
    for (let t = 0; t < length; t++) {
      const index = list[t] as number
      if (!(Number.isInteger(index) && index >= 0 && index < count)) {
        throw new InputError(
          "index-range",
          `look-up: index ${index} at [${n}, ${t}], expected a whole number from 0 to ${count - 1}.`,
        )
      }
      const row = rows.slice(index * rowBytes, (index + 1) * rowBytes)
      found.set(toFloat32(row, dtype), (n * length + t) * width)
    }
  })
  return tf.tensor3d(found, [indices.length, length, width])
}

/** Layout of a tensor in TensorFlow: as in the file, or as a filter. Files have filters as OIHW, TensorFlow as HWIO. */
type Form = "as-stored" | "filter"

/**
 * Uploads the tensors of a file one after another, in the wanted type. With `file`, types that TensorFlow has keep their
 * bits.
 */
function createUploader(
  device: TensorflowDevice,
  weights: WeightDtype,
): (entry: WeightEntry, form: Form) => Promise<Handle> {
  const arena = createArena(device)
  let last: Promise<unknown> = Promise.resolve()
  const upload = async (entry: WeightEntry, form: Form): Promise<Handle> => {
    const { dtype, shape } = entry
    const type = isSameType(dtype) && weights !== "F32" ? dtype : "F32"
    const length = shape.reduce((product, axis) => product * axis, TYPE_BYTES[type])
    const to = type === "F32" && (weights === "F16" || weights === "BF16") ? weights : null
    // A tensor that is transposed or rounded ends in other memory, before the next tensor uses the scratch memory.
    const bytes = form === "filter" || to !== null ? arena.scratch(length) : arena.take(length)
    if (type === dtype) await readEntryInto(entry, bytes)
    else bytes.set(new Uint8Array(toFloat32(await entry.read(), dtype).buffer))
    const stored = device.upload(bytes, shape, type)
    const placed = form === "filter" ? toHwio(device, stored) : stored
    return to === null ? placed : rounded(device, placed, to, entry.name)
  }
  return (entry, form) => {
    const uploaded = last.then(() => upload(entry, form))
    last = uploaded.catch(() => {})
    return uploaded
  }
}

/** Transposes a filter for TensorFlow's convolution: [height, width, in, out], in TensorFlow's memory. */
function toHwio(device: TensorflowDevice, stored: Handle): Handle {
  const order = tf.tensor1d([2, 3, 1, 0], "int32")
  const attributes = { T: { type: stored.type }, Tperm: { type: "I32" } } as const
  const filter = device.hold("Transpose", attributes, [stored, order], stored.type)
  order.dispose()
  stored.dispose()
  return filter
}

/** Whether TensorFlow has the type of a file's tensor. */
function isSameType(dtype: WeightEntry["dtype"]): dtype is keyof typeof TYPE_BYTES {
  return Object.hasOwn(TYPE_BYTES, dtype)
}

function rounded(device: TensorflowDevice, held: Handle, to: "F16" | "BF16", name: string): Handle {
  if (to === "F16") expectInFloat16(device, held, name)
  const result = device.hold("Cast", { SrcT: { type: "F32" }, DstT: { type: to }, Truncate: false }, [held], to)
  held.dispose()
  return result
}

function expectInFloat16(device: TensorflowDevice, held: Handle, name: string): void {
  const most = tf.tidy(() => {
    const magnitude = device.run("Abs", { T: { type: "F32" } }, [held])
    return tf.max(magnitude).dataSync()[0] as number
  })
  if (most <= LARGEST_F16) return
  held.dispose()
  throw new InputError(
    "value-range",
    `"${name}" has a value of ${most}, expected at most ${LARGEST_F16} for F16. Choose the weights "BF16".`,
  )
}

async function readBias(entry: WeightEntry | null, width: number): Promise<Float32Array | null> {
  return entry === null ? null : readVector(entry, width)
}

async function readVector(entry: WeightEntry, width: number): Promise<Float32Array> {
  if (entry.shape.length !== 1 || entry.shape[0] !== width) {
    throw new InputError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected [${width}].`)
  }
  return toFloat32(await entry.read(), entry.dtype)
}

function keptVector(values: Float32Array): Tensor1D {
  return tf.keep(tf.tensor1d(values))
}

function expectRank(entry: WeightEntry, rank: number): void {
  if (entry.shape.length === rank) return
  throw new InputError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected ${rank} dimensions.`)
}

function bytesOf({ shape, type }: Handle): number {
  return shape.reduce((product, size) => product * size, type === "F32" ? 4 : 2)
}

function disposeAll(handle: Handle, bias: Tensor1D | null): void {
  handle.dispose()
  bias?.dispose()
}
