import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import type { RgbImage } from "../image.ts"
import { floatsToImage } from "../image.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { checkStop, runUntilStopped } from "../models/steps.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { decodeInTiles } from "../models/vae/tiles.ts"
import { decodeSteps } from "../models/vae/vae.ts"
import { checkVaeParts } from "./encode-pictures.ts"
import type { GenerateOptions } from "./request.ts"

/**
 * Decodes latents to pictures, one after another, because the decoder's memory grows with the batch. latents: [N, H/8,
 * W/8, C]. The caller keeps them.
 *
 * @throws the signal's reason when aborted, between two blocks of the decoder
 */
export async function* decodePictures(
  sdxl: Sdxl,
  latents: Tensor4D,
  options: Pick<GenerateOptions, "vaeSlices" | "vaeTiles" | "signal" | "pause"> = {},
): AsyncGenerator<RgbImage, void, void> {
  checkSdxl("generate", sdxl, "vae")
  checkArgument("generate: the latents", latents, "a tensor")
  checkVaeParts("generate", options)
  checkStop("generate", options)
  const { ops, vae } = sdxl
  const { vaeSlices = 1, vaeTiles = null, ...stop } = options
  const [count, rows, columns, channels] = latents.shape
  const isTiled = vaeTiles !== null && VAE_FACTOR * Math.max(rows, columns) > vaeTiles.size
  for (let index = 0; index < count; index++) {
    const latent = tf.slice(latents, [index, 0, 0, 0], [1, rows, columns, channels])
    if (isTiled) {
      yield await decodeInTiles(ops, vae, latent, { tiling: vaeTiles, ...stop }).finally(() => latent.dispose())
      continue
    }
    const decoding = decodeSteps(ops, vae, latent, { slices: vaeSlices })
    const picture = await runUntilStopped(decoding, stop).finally(() => latent.dispose())
    const values = await picture.data<"float32">()
    picture.dispose()
    yield floatsToImage(values, VAE_FACTOR * columns, VAE_FACTOR * rows)
  }
}
