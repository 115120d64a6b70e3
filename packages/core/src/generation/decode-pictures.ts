import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { RgbImage } from "../image.ts"
import { floatsToImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runUntilStopped } from "../models/steps.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { decodeInTiles } from "../models/vae/tiles.ts"
import { decodeSteps } from "../models/vae/vae.ts"
import type { GenerateOptions } from "./request.ts"

/**
 * Decodes latents to pictures, one after another, because the decoder's memory grows with the batch. latents: [N, H/8,
 * W/8, C]. The caller keeps them.
 *
 * @throws the signal's reason when aborted, between two blocks of the decoder
 */
export async function* decodePictures(
  { ops, vae }: Sdxl,
  latents: Tensor4D,
  {
    vaeSlices = 1,
    vaeTiles = null,
    ...stop
  }: Pick<GenerateOptions, "vaeSlices" | "vaeTiles" | "signal" | "pause"> = {},
): AsyncGenerator<RgbImage, void, void> {
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
