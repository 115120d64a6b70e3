import type { Conv2dWeight, LinearWeight, NormWeight, WeightEntry, WeightLoader } from "@lllite/core/ops"
import { DTYPE_BITS, toFloat32 } from "@lllite/format"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import { encodeRows, formatOf, type WeightFormat } from "./storage.ts"

/** Rows of weights on the device: one for each output. */
export interface WeightRows {
  readonly format: WeightFormat
  /** [rows, width] */
  readonly values: GPUBuffer
  readonly rows: number
  readonly width: number
  /** [rows], for `q8` only. */
  readonly scales: GPUBuffer | null
  /** [rows] */
  readonly bias: GPUBuffer | null
  /** Whether products with them multiply float16, on subgroup matrices. Back, they do where slopes are float16. */
  readonly rounds: boolean
}

export interface WebgpuLinear extends LinearWeight, WeightRows {}

/** Rows are [kernelHeight, kernelWidth, in], so that the channels of a pixel are adjacent, as in x. */
export interface WebgpuConv2d extends Conv2dWeight, WeightRows {
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly inner: number
}

/** Scale, then shift. [2, C] */
export interface WebgpuNorm extends NormWeight {
  readonly values: GPUBuffer
  readonly width: number
}

/**
 * Loads weights to the device in a format. Biases and norms are small, and always float32.
 *
 * @param rounds see `WeightRows`
 */
export function createLoader(
  gpu: Gpu,
  format: WeightFormat | "file",
  rounds: boolean,
): Pick<WeightLoader, "linear" | "conv2d" | "norm"> {
  /** @param layOut puts a row's elements in the order of the kernels, from the size of an element in bytes */
  const loadRows = async (
    weight: WeightEntry,
    bias: WeightEntry | null,
    layOut: (bytes: Uint8Array, size: number) => Uint8Array = (bytes) => bytes,
  ): Promise<{ rows: WeightRows; bytes: number; dispose: () => void }> => {
    const [out = 0, ...rest] = weight.shape
    const width = rest.reduce((product, size) => product * size, 1)
    if (bias !== null && !(bias.shape.length === 1 && bias.shape[0] === out)) {
      throw new WebgpuOpsError("weight-shape", `"${bias.name}" is [${bias.shape.join(", ")}], expected [${out}]`)
    }
    const laidOut = layOut(await weight.read(), DTYPE_BITS[weight.dtype] / 8)
    const encoded = encodeRows(weight.name, laidOut, weight.dtype, out, formatOf(weight.dtype, format))
    const buffers: GPUBuffer[] = []
    const keep = (what: string, bytes: Uint8Array): GPUBuffer => {
      const buffer = gpu.upload(what, bytes)
      buffers.push(buffer)
      return buffer
    }
    const dispose = (): void => {
      for (const buffer of buffers.splice(0)) gpu.release(buffer)
    }
    try {
      const { scales } = encoded
      const rows: WeightRows = {
        ...{ format: encoded.format, rows: out, width, rounds },
        values: keep(`weight "${weight.name}"`, encoded.bytes),
        scales: scales === null ? null : keep(`scales of "${weight.name}"`, new Uint8Array(scales.buffer)),
        bias: bias === null ? null : keep(`bias "${bias.name}"`, await floatBytes(bias)),
      }
      return { rows, bytes: buffers.reduce((sum, { size }) => sum + size, 0), dispose }
    } catch (error) {
      dispose()
      throw error
    }
  }
  return {
    async linear(weight, bias) {
      expectRank(weight, 2)
      const { rows, bytes, dispose } = await loadRows(weight, bias)
      const linear: WebgpuLinear = { kind: "linear", shape: weight.shape, bytes, ...rows, dispose }
      return linear
    },

    async conv2d(weight, bias) {
      const [, inner, kernelHeight, kernelWidth] = expectRank(weight, 4) as [number, number, number, number]
      const taps = kernelHeight * kernelWidth
      const layOut = (bytes: Uint8Array, size: number): Uint8Array => channelsLast(bytes, size, inner, taps)
      const { rows, bytes, dispose } = await loadRows(weight, bias, layOut)
      const sizes = { kernelHeight, kernelWidth, inner }
      const conv2d: WebgpuConv2d = { kind: "conv2d", shape: weight.shape, bytes, ...rows, ...sizes, dispose }
      return conv2d
    },

    async norm(scale, shift) {
      const [width] = expectRank(scale, 1) as [number]
      if (shift.shape.length !== 1 || shift.shape[0] !== width) {
        throw new WebgpuOpsError("weight-shape", `"${shift.name}" is [${shift.shape.join(", ")}], expected [${width}]`)
      }
      const both = new Uint8Array(8 * width)
      both.set(await floatBytes(scale))
      both.set(await floatBytes(shift), 4 * width)
      const values = gpu.upload(`norm "${scale.name}"`, both)
      const dispose = (): void => gpu.release(values)
      const norm: WebgpuNorm = { kind: "norm", shape: scale.shape, bytes: values.size, values, width, dispose }
      return norm
    },
  }
}

/** [out, in, taps] → [out, taps, in], elements of 1, 2, 4 or 8 bytes. */
function channelsLast(bytes: Uint8Array, size: number, inner: number, taps: number): Uint8Array {
  if (taps === 1) return bytes
  // A view of whole elements needs an aligned start.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : bytes.slice()
  const Elements = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[size]
  if (Elements === undefined)
    throw new WebgpuOpsError("element-size", `elements of ${size} bytes, expected 1, 2, 4 or 8`)
  const from = new Elements(buffer as ArrayBuffer, byteOffset, byteLength / size)
  const to = new Elements(from.length)
  const width = inner * taps
  for (let row = 0; row < from.length; row += width) {
    for (let tap = 0; tap < taps; tap++) {
      const at = row + tap * inner
      for (let channel = 0; channel < inner; channel++) {
        to[at + channel] = from[row + channel * taps + tap] as number & bigint
      }
    }
  }
  return new Uint8Array(to.buffer)
}

async function floatBytes(entry: WeightEntry): Promise<Uint8Array> {
  return new Uint8Array(toFloat32(await entry.read(), entry.dtype).buffer)
}

function expectRank(entry: WeightEntry, rank: number): readonly number[] {
  if (entry.shape.length === rank) return entry.shape
  throw new WebgpuOpsError(
    "weight-shape",
    `"${entry.name}" is [${entry.shape.join(", ")}], expected ${rank} dimensions`,
  )
}
