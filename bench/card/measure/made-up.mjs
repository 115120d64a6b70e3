// Values for kernels to compute with: made once, repeated over tensors of any size.
import { createStream } from "../../../packages/core/dist/random.js"
import { toFloat32 } from "../../../packages/format/dist/index.js"
import { fromFloat32 } from "../../../packages/format/dist/write.js"

/** A prime, so that no two rows of a tensor are the same. */
const PERIOD = 65_521
const blocks = new Map()

/** Normally distributed values times `scale`. Another `seed` gives others. */
export function normal(length, { seed = 1, scale = 1 } = {}) {
  if (!blocks.has(seed)) blocks.set(seed, createStream(seed, "card").normal(PERIOD))
  const block = Float32Array.from(blocks.get(seed), (value) => value * scale)
  const values = new Float32Array(length)
  for (let at = 0; at < length; at += PERIOD) values.set(block.subarray(0, Math.min(PERIOD, length - at)), at)
  return values
}

/** Values as the bytes of float16, and what those are as float32. */
export function toHalf(values) {
  const bytes = fromFloat32(values, "F16")
  return { bytes, values: toFloat32(bytes, "F16") }
}
