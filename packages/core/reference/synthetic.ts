import { fnv1a32 } from "../src/random/fnv1a.ts"

/**
 * Values that are made from names. With them two programs can compare networks of any size without exchanging weights.
 * Every value is computed in float64 and rounded once to float32. An index is row-major.
 */

/** MurmurHash3's finaliser over `hash + index · golden ratio`, as a number in [-1, 1). */
function mix(hash: number, index: number): number {
  let x = (hash + Math.imul(index, 0x9e3779b9)) | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  x ^= x >>> 16
  return (x >>> 0) / 0x80000000 - 1
}

/** The `index`-th value of the stream called `name`, in [-1, 1), as float64. */
export function u(name: string, index: number): number {
  return mix(fnv1a32(name), index)
}

/** An input of a network: the values of `u`. Row-major values of `shape`. */
export function signal(name: string, shape: readonly number[]): Float32Array {
  return fill(name, shape, (value) => value)
}

/** Standard normal noise: Box-Muller over the streams `name/a` and `name/b`. Row-major values of `shape`. */
export function normal(name: string, shape: readonly number[]): Float32Array {
  const radiusHash = fnv1a32(`${name}/a`)
  const angleHash = fnv1a32(`${name}/b`)
  const values = new Float32Array(sizeOf(shape))
  for (let i = 0; i < values.length; i++) {
    const a = (mix(radiusHash, i) + 1) / 2
    const b = (mix(angleHash, i) + 1) / 2
    values[i] = Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)
  }
  return values
}

/**
 * A trained tensor, scaled so that a deep network keeps its activations near unit variance. `shape` is PyTorch's (OIHW,
 * [out, in]). The fan-in is the product of all dimensions except the first.
 */
export function weight(name: string, shape: readonly number[]): Float32Array {
  if (shape.length >= 2) {
    const scale = Math.sqrt(3 / sizeOf(shape.slice(1)))
    return fill(name, shape, (value) => value * scale)
  }
  const isBias = name.endsWith(".bias") || name.endsWith("in_proj_bias")
  return fill(name, shape, isBias ? (value) => 0.1 * value : (value) => 1 + 0.1 * value)
}

/**
 * A tensor of a synthetic LLLite: `weight` of `prefix + key`. Values of `up` are halved, so that the adapter's delta
 * stays smaller than its host's input.
 */
export function llliteWeight(prefix: string, key: string, shape: readonly number[]): Float32Array {
  const values = weight(prefix + key, shape)
  if (key.startsWith("up")) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / 2
  return values
}

function fill(name: string, shape: readonly number[], map: (value: number) => number): Float32Array {
  const hash = fnv1a32(name)
  const values = new Float32Array(sizeOf(shape))
  for (let i = 0; i < values.length; i++) values[i] = map(mix(hash, i))
  return values
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1)
}
