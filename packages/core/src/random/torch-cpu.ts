import { CoreError } from "../errors.ts"
import { createMt19937 } from "./mt19937.ts"
import { keyOf } from "./philox.ts"
import type { Seed } from "./seed.ts"

/** A part of a longer draw: the values from the place `from` of a draw of `of` values. */
export interface DrawPart {
  readonly from: number
  readonly of: number
}

/** PyTorch's CPU generator. Each call continues where the last one ended. Lengths are numbers of values. */
export interface TorchCpuGenerator {
  /** `torch.randn`, float32. With `part`, `length` values of a longer draw. The generator then continues after all of it. */
  randn(length: number, part?: DrawPart): Float32Array
  /** `torch.randn`, float64. */
  randnDouble(length: number): Float64Array
  /** `Tensor.normal_(mean, deviation)`, float32. */
  normal(length: number, mean: number, deviation: number): Float32Array
  /** `torch.rand`, float32. */
  rand(length: number): Float32Array
  /** `Tensor.uniform_(from, to)`, float32. */
  uniform(length: number, from: number, to: number): Float32Array
  /** `torch.randint(low, high)`: whole numbers from `low` to `high` - 1, at most 2^32 different ones. */
  randint(length: number, low: number, high: number): Float64Array
  /** `torch.randperm(length)`: the numbers 0 to `length` - 1 in random order. */
  randperm(length: number): Uint32Array
}

/** From this number of values on, PyTorch makes normal numbers in groups. */
const GROUP = 16

/**
 * A generator after `torch.Generator("cpu").manual_seed(seed)`: mt19937, seeded with the seed's low 32 bits.
 *
 * The numbers are PyTorch's bit for bit, except 16 normal numbers and more. PyTorch makes these with vector
 * instructions, whose logarithm and cosine differ from processor to processor by a few units in the last place.
 *
 * Source: PyTorch 2.8, `aten/src/ATen/core/DistributionsHelper.h`, `native/cpu/DistributionTemplates.h`.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function createTorchCpu(seed: Seed): TorchCpuGenerator {
  const next = createMt19937(keyOf(seed)[0])
  let spare: number | undefined
  const uniform24 = (): number => (next() & 0xffffff) / 2 ** 24
  /** 53 bits, the first word high. */
  const uniform53 = (): number => {
    const high = next() & 0x1fffff
    return (high * 2 ** 32 + next()) / 2 ** 53
  }
  /** aten's normal_distribution<double>, which keeps the second of its pair for the next call. */
  const normalOne = (): number => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const angle = 2 * Math.PI * uniform53()
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53()))
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  const filled = <T extends Float32Array | Float64Array>(
    create: (length: number) => T,
    uniform: () => number,
    fill: (group: T) => void,
    length: number,
    { from, of }: DrawPart,
  ): T => {
    const drawn = (count: number): T => {
      const values = create(count)
      for (let i = 0; i < count; i++) values[i] = uniform()
      return values
    }
    const skip = (count: number): void => {
      for (let i = 0; i < count; i++) uniform()
    }
    const start = from - (from % GROUP)
    const end = Math.min(of, Math.ceil((from + length) / GROUP) * GROUP)
    skip(start)
    const values = drawn(end - start)
    skip(of - end)
    for (let i = 0; i + GROUP <= values.length; i += GROUP) fill(values.subarray(i, i + GROUP) as T)
    if (of % GROUP !== 0) {
      // An incomplete last group is not filled alone: the last sixteen values are drawn anew.
      const last = drawn(GROUP)
      fill(last)
      const place = of - GROUP - start
      for (const [i, value] of last.entries()) if (place + i >= 0) values[place + i] = value
    }
    return values.length === length ? values : (values.slice(from - start, from - start + length) as T)
  }
  const normal = (length: number, mean: number, deviation: number, part = whole(length)): Float32Array => {
    checkPart(length, part)
    const { from, of } = part
    if (of < GROUP)
      return Float32Array.from({ length: of }, () => normalOne() * deviation + mean).slice(from, from + length)
    const fill = (group: Float32Array): void => fillFloats(group, mean, deviation)
    return filled((count) => new Float32Array(count), uniform24, fill, length, part)
  }
  const uniform = (length: number, from: number, to: number): Float32Array => {
    checkLength(length)
    const [low, width] = [Math.fround(from), Math.fround(Math.fround(to) - Math.fround(from))]
    // Product and sum are one instruction, with one rounding.
    return Float32Array.from({ length }, () => uniform24() * width + low)
  }
  return {
    normal: (length, mean, deviation) => normal(length, mean, deviation),
    uniform,
    randn: (length, part) => normal(length, 0, 1, part),
    randnDouble(length) {
      checkLength(length)
      if (length < GROUP) return Float64Array.from({ length }, normalOne)
      return filled((count) => new Float64Array(count), uniform53, fillDoubles, length, whole(length))
    },
    rand: (length) => uniform(length, 0, 1),
    randint(length, low, high) {
      checkLength(length)
      const width = high - low
      if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || width < 1 || width > 2 ** 32 - 1) {
        throw new CoreError("option-range", `random: expected whole numbers with low < high, got ${low} and ${high}`)
      }
      return Float64Array.from({ length }, () => low + (next() % width))
    },
    randperm(length) {
      checkLength(length)
      const order = Uint32Array.from({ length }, (_, i) => i)
      for (let i = 0; i < length - 1; i++) {
        const other = i + (next() % (length - i))
        const value = order[i] as number
        order[i] = order[other] as number
        order[other] = value
      }
      return order
    },
  }
}

/** aten's normal_fill: sixteen uniforms become sixteen normals, in float32. */
function fillFloats(values: Float32Array, mean: number, deviation: number): void {
  for (let i = 0; i < GROUP / 2; i++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - (values[i] as number))))))
    const angle = Math.fround(Math.fround(2 * Math.PI) * (values[i + GROUP / 2] as number))
    values[i] = Math.fround(radius * Math.fround(Math.cos(angle))) * deviation + mean
    values[i + GROUP / 2] = Math.fround(radius * Math.fround(Math.sin(angle))) * deviation + mean
  }
}

/** The same in float64. */
function fillDoubles(values: Float64Array): void {
  for (let i = 0; i < GROUP / 2; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - (values[i] as number)))
    const angle = 2 * Math.PI * (values[i + GROUP / 2] as number)
    values[i] = radius * Math.cos(angle)
    values[i + GROUP / 2] = radius * Math.sin(angle)
  }
}

function whole(length: number): DrawPart {
  return { from: 0, of: length }
}

/** Checks a part of a draw. @throws CoreError when the draw is too short for it */
export function checkPart(length: number, { from, of }: DrawPart): void {
  for (const count of [length, from, of]) checkLength(count)
  if (from + length > of) {
    throw new CoreError("option-range", `random: ${length} values from ${from} on are not in a draw of ${of}`)
  }
}

/** Checks a number of values. @throws CoreError when it is not a whole number of 0 or more */
export function checkLength(length: number): void {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new CoreError("option-range", `random: length must be an integer of 0 or more, got ${length}`)
  }
}
