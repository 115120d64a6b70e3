import type { Conv2dWeight, LinearWeight, NormWeight, TableWeight, WeightEntry, WeightLoader } from "@lllite/core/ops"
import { readEntryInto } from "@lllite/core/ops"
import { toFloat32 } from "@lllite/format"
import type { Tensor1D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import { createArena } from "./arena.ts"
import type { Handle, TensorflowDevice } from "./device.ts"
import { TYPE_BYTES } from "./device.ts"

/** A matrix as the file has it, [out, in]: TensorFlow multiplies by its transpose as fast, and gradients by itself. */
export interface HeldLinear extends LinearWeight {
  readonly matrix: Handle
  readonly bias: Tensor1D | null
}

/** A filter, turned to HWIO once. */
export interface HeldConv2d extends Conv2dWeight {
  readonly filter: Handle
  readonly bias: Tensor1D | null
}

export interface HeldNorm extends NormWeight {
  readonly scale: Tensor1D
  readonly shift: Tensor1D
}

/** Rows as the file has them, in JavaScript's memory: only few of many are ever looked up. */
export interface HeldTable extends TableWeight {
  readonly rows: Uint8Array
  readonly dtype: WeightEntry["dtype"]
}

/** Greatest value that float16 holds. */
const LARGEST_F16 = 65504

/**
 * Takes weights from a file to TensorFlow as the file has them, in 16 bits or 32, made of the file's own bytes.
 *
 * @param round what to round float32 weights to; null keeps them
 */
export function createLoader(device: TensorflowDevice, round: "F16" | "BF16" | null): WeightLoader {
  const take = createTaker(device, round)
  return {
    async linear(weight, bias) {
      expectRank(weight, 2)
      const matrix = await take(weight, "as-stored")
      const vector = await readVector(bias, weight.shape[0] ?? 0)
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
      const filter = await take(weight, "filter")
      const vector = await readVector(bias, weight.shape[0] ?? 0)
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
      const tensors = [await readVector(scale, width), await readVector(shift, width)] as [Tensor1D, Tensor1D]
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

/** Rows of a table. indices: N lists of T integers → [N, T, width] */
export function lookUp(weight: TableWeight, indices: readonly ArrayLike<number>[]): Tensor3D {
  const { rows, dtype, shape } = weight as HeldTable
  const [count = 0, width = 0] = shape
  const length = indices[0]?.length ?? 0
  const rowBytes = rows.byteLength / count
  const found = new Float32Array(indices.length * length * width)
  indices.forEach((list, n) => {
    if (list.length !== length) {
      throw new InputError(`look-up: list ${n} has ${list.length} indices, expected ${length}`)
    }
    for (let t = 0; t < length; t++) {
      const index = list[t] as number
      if (!(Number.isInteger(index) && index >= 0 && index < count)) {
        throw new InputError(`look-up: index ${index} at [${n}, ${t}], expected a whole number from 0 to ${count - 1}`)
      }
      const row = rows.slice(index * rowBytes, (index + 1) * rowBytes)
      found.set(toFloat32(row, dtype), (n * length + t) * width)
    }
  })
  return tf.tensor3d(found, [indices.length, length, width])
}

/** How a tensor lies in TensorFlow: as in the file, or as a filter, HWIO where files have OIHW. */
type Form = "as-stored" | "filter"

/** Takes a file's tensors over one after the other, bit by bit where TensorFlow has the type, and rounds them. */
function createTaker(
  device: TensorflowDevice,
  round: "F16" | "BF16" | null,
): (entry: WeightEntry, form: Form) => Promise<Handle> {
  const arena = createArena(device)
  let last: Promise<unknown> = Promise.resolve()
  const take = async (entry: WeightEntry, form: Form): Promise<Handle> => {
    const { dtype, shape } = entry
    const type = isSameType(dtype) ? dtype : "F32"
    const length = shape.reduce((product, axis) => product * axis, TYPE_BYTES[type])
    const to = type === "F32" ? round : null
    // What is turned or rounded lies elsewhere in the end, before anybody else may borrow.
    const bytes = form === "filter" || to !== null ? arena.borrow(length) : arena.take(length)
    if (type === dtype) await readEntryInto(entry, bytes)
    else bytes.set(new Uint8Array(toFloat32(await entry.read(), dtype).buffer))
    const stored = device.upload(bytes, shape, type)
    const lying = form === "filter" ? turned(device, stored) : stored
    return to === null ? lying : rounded(device, lying, to, entry.name)
  }
  return (entry, form) => {
    const taken = last.then(() => take(entry, form))
    last = taken.catch(() => {})
    return taken
  }
}

/** A filter as TensorFlow convolves with it, [height, width, inside, out], in memory of TensorFlow's own. */
function turned(device: TensorflowDevice, stored: Handle): Handle {
  const order = tf.tensor1d([2, 3, 1, 0], "int32")
  const attributes = { T: { type: stored.type }, Tperm: { type: "I32" } } as const
  const filter = device.hold("Transpose", attributes, [stored, order], stored.type)
  order.dispose()
  stored.dispose()
  return filter
}

/** Whether TensorFlow has a file's type, too. */
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
  throw new InputError(`"${name}" has a value of ${most}, and float16 holds ${LARGEST_F16} at most. Round to bf16.`)
}

async function readVector(entry: WeightEntry | null, width: number): Promise<Tensor1D | null> {
  if (entry === null) return null
  if (entry.shape.length !== 1 || entry.shape[0] !== width) {
    throw new InputError(`"${entry.name}" is [${entry.shape.join(", ")}], expected [${width}]`)
  }
  return tf.keep(tf.tensor1d(toFloat32(await entry.read(), entry.dtype)))
}

function expectRank(entry: WeightEntry, rank: number): void {
  if (entry.shape.length === rank) return
  throw new InputError(`"${entry.name}" is [${entry.shape.join(", ")}], expected ${rank} dimensions`)
}

function bytesOf({ shape, type }: Handle): number {
  return shape.reduce((product, size) => product * size, type === "F32" ? 4 : 2)
}

function disposeAll(handle: Handle, bias: Tensor1D | null): void {
  handle.dispose()
  bias?.dispose()
}
