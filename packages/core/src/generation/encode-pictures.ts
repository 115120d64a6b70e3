import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { encodeInTiles } from "../models/vae/tiles.ts"
import { encodeImage, latentsOf } from "../models/vae/vae.ts"
import { checkRanges } from "../number-range.ts"
import { overlapOf, type Tiling } from "../tiling.ts"
import { GENERATE_RANGES } from "./defaults.ts"
import { expectPictures } from "./expect-pictures.ts"

/** How the VAE takes a picture apart. */
export interface VaeParts {
  /** Slices of rows in which the VAE encodes and decodes a picture, see `chooseVaeSlices`. Default: 1. */
  readonly vaeSlices?: number
  /**
   * Tiles in which the VAE encodes and decodes a picture that is larger than a tile. They take less memory than slices,
   * and change the picture a little. Default: null, none.
   */
  readonly vaeTiles?: Tiling | null
}

/** @throws CoreError for options that are not how the VAE takes a picture apart */
export function checkVaeParts(place: string, options: unknown): void {
  checkArgument(`${place}: the options`, options, "an object")
  const { vaeSlices = 1, vaeTiles = null } = options as VaeParts
  checkRanges(place, { vaeSlices }, { vaeSlices: GENERATE_RANGES.vaeSlices })
  checkArgument(`${place}: vaeTiles`, vaeTiles, "an object or null")
  if (vaeTiles !== null) overlapOf(vaeTiles)
}

/** The part of options that the VAE reads. */
export function vaeParts({ vaeSlices = 1, vaeTiles = null }: VaeParts): Required<VaeParts> {
  return { vaeSlices, vaeTiles }
}

/**
 * Encodes pictures to latents: the mean of the VAE's posterior, scaled. N pictures of one size → [N, H/8, W/8, C],
 * which the caller disposes.
 *
 * @throws CoreError without a picture, or when sizes differ or are not multiples of 8
 */
export function encodePictures(
  sdxl: Pick<Sdxl, "ops" | "vae">,
  pictures: readonly RgbImage[],
  options: VaeParts = {},
): Tensor4D {
  checkSdxl("generate", sdxl, "vae")
  checkArgument("generate: the pictures", pictures, "a list")
  expectPictures(pictures, "a picture")
  checkVaeParts("generate", options)
  const [first] = pictures
  const odd = pictures.find(({ width, height }) => width !== first?.width || height !== first.height)
  if (first === undefined || odd !== undefined) {
    const what = odd === undefined ? "none" : `${first?.width}×${first?.height} and ${odd.width}×${odd.height} px`
    throw new CoreError("picture-size", `generate: expected pictures of one size to encode, got ${what}`)
  }
  // One at a time, because the encoder's memory grows with the batch.
  const encoded = pictures.map((picture) => encodeFloats(sdxl, imageToFloats(picture), picture, options))
  const latents = tf.concat(encoded, 0)
  tf.dispose(encoded)
  return latents
}

/** Encodes one picture of values in −1 … 1. → [1, H/8, W/8, C], which the caller disposes */
export function encodeFloats(
  { ops, vae }: Pick<Sdxl, "ops" | "vae">,
  values: Float32Array,
  { width, height }: Pick<RgbImage, "width" | "height">,
  { vaeSlices = 1, vaeTiles = null }: VaeParts = {},
): Tensor4D {
  if (vaeTiles !== null && Math.max(width, height) > vaeTiles.size) {
    return encodeInTiles(ops, vae, values, { width, height }, vaeTiles)
  }
  return tf.tidy(() => {
    const image = tf.tensor4d(values, [1, height, width, 3])
    return latentsOf(encodeImage(ops, vae, image, { slices: vaeSlices }), null)
  })
}
