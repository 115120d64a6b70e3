import { CoreError } from "../errors.ts"

/** Numbers that SDXL is told about a picture's size. */
const SIZE_NUMBERS = 6

/** Values of the embedding of one of them. */
const SIZE_NUMBER_DIM = 256

/** Values of SDXL's size conditioning. */
export const SIZE_EMBEDDING_DIM = SIZE_NUMBERS * SIZE_NUMBER_DIM

/** What SDXL is told about a picture's size, in pixels, each pair as (height, width) or (top, left). */
export interface SizeCondition {
  /** Size of the picture before it was fitted. */
  readonly original: readonly [height: number, width: number]
  /** Where the crop began. */
  readonly crop: readonly [top: number, left: number]
  /** Size of the picture the network sees. */
  readonly target: readonly [height: number, width: number]
}

/**
 * Sinusoidal embedding of a number: [cos(x f_0), …, cos(x f_n-1), sin(x f_0), …, sin(x f_n-1)], n = width / 2,
 * f_i = 10000^(-i / n).
 *
 * Frequencies and angles are rounded to float32, as they were where the networks were trained: at a size of 1024 this
 * moves an angle by up to 6e-5.
 *
 * Source: Vaswani et al. 2017 (arXiv:1706.03762), with the cosines first as in Stable Diffusion.
 *
 * @throws CoreError when the width is not a positive even number.
 */
export function sinusoidalEmbedding(x: number, width: number): Float32Array {
  if (!Number.isSafeInteger(width) || width < 2 || width % 2 !== 0) {
    throw new CoreError(`embedding: width must be a positive even number, got ${width}`)
  }
  const half = width / 2
  const values = new Float32Array(width)
  for (let i = 0; i < half; i++) {
    const exponent = Math.fround(Math.fround(Math.fround(-Math.log(10_000)) * i) / half)
    const angle = Math.fround(Math.fround(x) * Math.fround(Math.exp(exponent)))
    values[i] = Math.cos(angle)
    values[half + i] = Math.sin(angle)
  }
  return values
}

/** The U-Net's input for a timestep (fractional allowed): `width` is its model channels, 320 in SDXL. → [width] */
export function timestepEmbedding(timestep: number, width: number): Float32Array {
  return sinusoidalEmbedding(timestep, width)
}

/**
 * SDXL's size conditioning: six numbers of 256 dimensions each, in the order original height and width, crop top and
 * left, target height and width. → [SIZE_EMBEDDING_DIM]
 *
 * Source: Podell et al. 2023 (arXiv:2307.01952), section 2.2.
 */
export function sizeEmbedding(size: SizeCondition): Float32Array {
  const numbers = [...size.original, ...size.crop, ...size.target]
  const values = new Float32Array(SIZE_EMBEDDING_DIM)
  for (const [i, number] of numbers.entries()) {
    values.set(sinusoidalEmbedding(number, SIZE_NUMBER_DIM), i * SIZE_NUMBER_DIM)
  }
  return values
}
