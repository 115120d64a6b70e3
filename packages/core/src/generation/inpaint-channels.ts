import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import { resizeImage } from "../image/resize.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { encodeFloats, type VaeParts } from "./encode-pictures.ts"
import type { GenerateOptions } from "./request.ts"

/** The value from which a mask is counted as changing. An inpainting U-Net was trained with hard masks. */
const HARD = 128

/**
 * What an inpainting U-Net reads beside the latents: the mask, then the latents of the picture without what the mask
 * covers. Pictures and masks have one size. → [N, H/8, W/8, 1 + C], which the caller disposes
 *
 * Source: diffusers `StableDiffusionXLInpaintPipeline`.
 */
export function inpaintChannels(
  sdxl: Sdxl,
  pictures: readonly RgbImage[],
  masks: readonly GreyImage[],
  options: VaeParts = {},
): Tensor4D {
  const rows = pictures.map((picture, i) => {
    const { width, height } = picture
    const mask = resizeImage((masks[i] ?? masks[0]) as GreyImage, width, height, "bilinear")
    const seen = imageToFloats(picture)
    for (const [pixel, value] of mask.data.entries()) if (value >= HARD) seen.fill(0, 3 * pixel, 3 * pixel + 3)
    const hidden = encodeFloats(sdxl, seen, { width, height }, options)
    return tf.tidy(() => {
      const joined = tf.concat([latentMaskOf(mask), hidden], 3)
      hidden.dispose()
      return joined
    })
  })
  const channels = tf.concat(rows, 0)
  tf.dispose(rows)
  return channels
}

/** The nearest pixel's hard mask. → [1, H/8, W/8, 1] */
function latentMaskOf({ width, height, data }: GreyImage): Tensor4D {
  const [rows, columns] = [height / VAE_FACTOR, width / VAE_FACTOR]
  const values = Float32Array.from({ length: rows * columns }, (_, i) => {
    const row = VAE_FACTOR * Math.floor(i / columns)
    return (data[row * width + VAE_FACTOR * (i % columns)] ?? 0) >= HARD ? 1 : 0
  })
  return tf.tensor4d(values, [1, rows, columns, 1])
}

/** Checks that a U-Net gets the channels it reads. @throws CoreError that says what is missing */
export function checkChannels({ unet, vae }: Sdxl, { start }: Pick<GenerateOptions, "start">): void {
  const { inChannels } = unet.config
  const { latentChannels } = vae.config
  if (inChannels === latentChannels) return
  if (inChannels !== 2 * latentChannels + 1) {
    throw new CoreError(
      "checkpoint-unsupported",
      `generate: the U-Net reads ${inChannels} channels, expected ${latentChannels}, or ${2 * latentChannels + 1} for inpainting`,
    )
  }
  if (start?.mask == null) {
    throw new CoreError(
      "option-missing",
      "generate: the checkpoint is for inpainting, and there is no mask. Give a picture to start from with a mask, or another checkpoint.",
    )
  }
}
