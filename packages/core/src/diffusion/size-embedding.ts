import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"

/** Numbers in SDXL's condition on a picture's size. */
const SIZE_NUMBERS = 6

/** Values in the embedding of one number. */
const SIZE_NUMBER_DIM = 256

/** The widest embedding. */
const MOST_WIDTH = 2 ** 20

/** Values in SDXL's size embedding. */
export const SIZE_EMBEDDING_DIM = SIZE_NUMBERS * SIZE_NUMBER_DIM

/** SDXL's condition on a picture's size, in pixels. Pairs are (height, width) or (top, left). */
export interface SizeCondition {
  /** Size of the picture before it was resized and cropped. */
  readonly original: readonly [height: number, width: number]
  /** The top left corner of the crop. */
  readonly crop: readonly [top: number, left: number]
  /** Size of the picture that the network reads. */
  readonly target: readonly [height: number, width: number]
}

const SIZE_KINDS: OptionKinds<SizeCondition> = { original: "a list", crop: "a list", target: "a list" }

/**
 * Sinusoidal embedding of a number: [cos(x f_0), …, cos(x f_n-1), sin(x f_0), …, sin(x f_n-1)], with n = width / 2 and
 * f_i = 10000^(-i / n).
 *
 * Frequencies and angles are rounded to float32, as in the training of the networks. At a size of 1024 this changes an
 * angle by up to 6e-5.
 *
 * Source: Vaswani et al. 2017 (arXiv:1706.03762), with the cosines first as in Stable Diffusion.
 *
 * @throws CoreError when the width is not a positive even number.
 */
export function sinusoidalEmbedding(x: number, width: number): Float32Array {
  checkArgument("embedding: the number", x, "a finite number")
  if (!Number.isSafeInteger(width) || width < 2 || width % 2 !== 0 || width > MOST_WIDTH) {
    throw new CoreError(
      "option-range",
      `embedding: width must be a positive even number of at most ${MOST_WIDTH}, got ${width}`,
    )
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

/**
 * The U-Net's input for a timestep. Fractions are allowed. → [width]
 *
 * @param width the number of model channels, 320 in SDXL
 * @throws CoreError when the width is not an even whole number
 */
export function timestepEmbedding(timestep: number, width: number): Float32Array {
  return sinusoidalEmbedding(timestep, width)
}

/**
 * SDXL's size conditioning: six numbers of 256 dimensions each, in the order original height and width, crop top and
 * left, target height and width. → [SIZE_EMBEDDING_DIM]
 *
 * Source: Podell et al. 2023 (arXiv:2307.01952), section 2.2.
 *
 * @throws CoreError when a pair is missing or has another count
 */
export function sizeEmbedding(size: SizeCondition): Float32Array {
  checkOptions("size", size, SIZE_KINDS, ["original", "crop", "target"])
  for (const [name, pair] of Object.entries(size)) {
    if (pair.length === 2) continue
    throw new CoreError("option-range", `size: ${name} has ${pair.length} numbers, expected 2`)
  }
  const numbers = [...size.original, ...size.crop, ...size.target]
  const values = new Float32Array(SIZE_EMBEDDING_DIM)
  for (const [i, number] of numbers.entries()) {
    values.set(sinusoidalEmbedding(number, SIZE_NUMBER_DIM), i * SIZE_NUMBER_DIM)
  }
  return values
}
