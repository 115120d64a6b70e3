import type { FloatDtype } from "../safetensors/dtype.ts"
import { toFloat32 } from "../safetensors/dtype.ts"
import { countOverflow, float64ToOddFloat32, fromFloat32 } from "../write/encode.ts"

/** Elements in another dtype. */
export interface ConvertedElements {
  readonly bytes: Uint8Array
  /** Finite values that became infinite or NaN, and infinite ones that became NaN. */
  readonly lost: number
}

/**
 * Converts little-endian elements from one float dtype to another. Each is rounded once, to nearest, ties to even.
 *
 * A value that is too large becomes infinity, or NaN in F8_E4M3, as in PyTorch. Two points differ from PyTorch. A
 * float64 is rounded once; PyTorch rounds it to float32 first. A NaN keeps as much of its payload as fits.
 */
export function convertElements(bytes: Uint8Array, from: FloatDtype, to: FloatDtype): ConvertedElements {
  if (from === to) return { bytes, lost: 0 }
  const values = from === "F64" && to !== "F32" ? float64ToOddFloat32(bytes) : toFloat32(bytes, from)
  const lostInfinite = to === "F8_E4M3" ? countInfinite(values) : 0
  const converted = fromFloat32(values, to)
  if (from !== "F64" || to !== "F32") return { bytes: converted, lost: lostInfinite + countOverflow(values, to) }
  return { bytes: converted, lost: countInfinite(values) - countInfinite(float64ToOddFloat32(bytes)) }
}

function countInfinite(values: Float32Array): number {
  let count = 0
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i] as number) === Number.POSITIVE_INFINITY) count++
  }
  return count
}
