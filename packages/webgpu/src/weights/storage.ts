import { type Dtype, toFloat32 } from "@lllite/format"
import { countOverflow, fromFloat32 } from "@lllite/format/write"
import { WebgpuOpsError } from "../errors.ts"
import type { Element } from "../wgsl/module.ts"

/**
 * The format of a weight on the device. `F16` and `BF16` are two values in a word. `Q8` is four integers from −127 to
 * 127 in a word, with a scale for every row. Kernels decode all formats when they load values, and sum in float32.
 */
export type WeightFormat = "F32" | "F16" | "BF16" | "Q8"

export const WEIGHT_FORMATS = ["F32", "F16", "BF16", "Q8"] as const satisfies readonly WeightFormat[]

/** A matrix of weights, encoded for the device. */
export interface EncodedRows {
  readonly format: WeightFormat
  readonly bytes: Uint8Array
  /** The scale of every row, for `Q8` only. */
  readonly scales: Float32Array | null
}

/** The formats that hold a file's values exactly. */
const AS_IN_FILE: Partial<Record<Dtype, WeightFormat>> = { F32: "F32", F16: "F16", BF16: "BF16" }

/** The format of a file's tensor: the requested one, or for `file` one that holds its values exactly. */
export function formatOf(dtype: Dtype, asked: WeightFormat | "file"): WeightFormat {
  return asked === "file" ? (AS_IN_FILE[dtype] ?? "F32") : asked
}

/**
 * Encodes a matrix of weights.
 *
 * @param bytes row-major, little-endian, of `dtype`
 * @throws WebgpuOpsError if float16 cannot hold a value; FormatError if the dtype cannot be read
 */
export function encodeRows(
  name: string,
  bytes: Uint8Array,
  dtype: Dtype,
  rows: number,
  format: WeightFormat,
): EncodedRows {
  if (AS_IN_FILE[dtype] === format) return { format, bytes, scales: null }
  const values = toFloat32(bytes, dtype)
  switch (format) {
    case "F32":
      return { format, bytes: new Uint8Array(values.buffer), scales: null }
    case "F16": {
      const lost = countOverflow(values, "F16")
      if (lost > 0) {
        throw new WebgpuOpsError(
          "value-range",
          `"${name}" has ${lost} values that float16 cannot hold. Load it as BF16 or F32.`,
        )
      }
      return { format, bytes: fromFloat32(values, "F16"), scales: null }
    }
    case "BF16":
      return { format, bytes: fromFloat32(values, "BF16"), scales: null }
    case "Q8":
      return quantise(values, rows)
  }
}

/** Rows as integers in units of 1/127 of their greatest magnitude, rounded to the nearest. */
function quantise(values: Float32Array, rows: number): EncodedRows {
  const width = values.length / rows
  const whole = new Int8Array(values.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const from = row * width
    let greatest = 0
    for (let i = from; i < from + width; i++) greatest = Math.max(greatest, Math.abs(values[i] as number))
    scales[row] = greatest / 127
    const inverse = greatest === 0 ? 0 : 127 / greatest
    for (let i = from; i < from + width; i++) whole[i] = Math.round((values[i] as number) * inverse)
  }
  return { format: "Q8", bytes: new Uint8Array(whole.buffer), scales }
}

/** How a kernel declares a buffer of a format, and reads one element, or four elements from a multiple of four on. */
export interface Decoding {
  readonly element: Element
  /** WGSL of the value at element `e` of buffer `name`. It is an f32, or a vec4f for reads by four. */
  readonly value: (name: string, e: string) => string
}

const BY_ONE: Readonly<Record<WeightFormat, Decoding>> = {
  F32: { element: "f32", value: (name, e) => `${name}[${e}]` },
  F16: { element: "u32", value: (name, e) => `unpack2x16float(${name}[(${e}) / 2u])[(${e}) % 2u]` },
  BF16: {
    element: "u32",
    value: (name, e) => `bitcast<f32>((${name}[(${e}) / 2u] >> (16u * ((${e}) % 2u))) << 16u)`,
  },
  Q8: { element: "u32", value: (name, e) => `(127.0 * unpack4x8snorm(${name}[(${e}) / 4u])[(${e}) % 4u])` },
}

const BY_FOUR: Readonly<Record<WeightFormat, Decoding>> = {
  F32: { element: "vec4f", value: (name, e) => `${name}[(${e}) / 4u]` },
  F16: {
    element: "vec2u",
    value: (name, e) => `vec4f(unpack2x16float(${name}[(${e}) / 4u].x), unpack2x16float(${name}[(${e}) / 4u].y))`,
  },
  BF16: {
    element: "vec2u",
    value: (name, e) => `bitcast<vec4f>((${name}[(${e}) / 4u].xxyy << vec4u(16u, 0u, 16u, 0u)) & vec4u(0xffff0000u))`,
  },
  Q8: { element: "u32", value: (name, e) => `(127.0 * unpack4x8snorm(${name}[(${e}) / 4u]))` },
}

export function decodingOf(format: WeightFormat, four: boolean): Decoding {
  return (four ? BY_FOUR : BY_ONE)[format]
}
