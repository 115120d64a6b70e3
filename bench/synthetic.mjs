// SDXL's tensors with made-up values. They cost the same as the real ones, and results stay finite.
import { createStream } from "../packages/core/dist/random.js"
import { fromFloat32 } from "../packages/format/dist/write.js"

const BYTES = { F32: 4, F16: 2, BF16: 2 }
const BLOCK = 2 ** 16
const uniform = createStream(1, "bench").uniform(BLOCK)

/** Named tensors of these shapes. Values repeat every 65,536; matrices are scaled by their inputs, norms are near 1. */
export function syntheticEntries(shapes, dtype) {
  return new Map([...shapes].map(([name, shape]) => [name, { name, dtype, shape, ...reading(name, shape, dtype) }]))
}

function reading(name, shape, dtype) {
  const length = shape.reduce((product, size) => product * size, BYTES[dtype])
  const readInto = async (target) => {
    const block = blockOf(name, shape, dtype)
    for (let at = 0; at < target.byteLength; at += block.byteLength) {
      target.set(block.subarray(0, Math.min(block.byteLength, target.byteLength - at)), at)
    }
  }
  return {
    readInto,
    read: async () => {
      const bytes = new Uint8Array(length)
      await readInto(bytes)
      return bytes
    },
  }
}

const blocks = new Map()

/** Values are made once for all tensors of one scale. */
function blockOf(name, shape, dtype) {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
  const [middle, spread] = shape.length >= 2 ? [0, Math.sqrt(3 / fanIn)] : name.endsWith("bias") ? [0, 0.1] : [1, 0.1]
  const key = `${dtype} ${middle} ${spread}`
  if (!blocks.has(key)) {
    const values = Float32Array.from(uniform, (u) => middle + (2 * u - 1) * spread)
    blocks.set(key, fromFloat32(values, dtype))
  }
  return blocks.get(key)
}
