import * as tf from "@tensorflow/tfjs-core"
import type { VaeConfig } from "../models/vae/config.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import { slicesToBind } from "../models/vae/slice-sizes.ts"
import { decodeLatents, encodeImage } from "../models/vae/vae.ts"
import { buildVae } from "../models/vae/weights.ts"
import { loadParams, shapesOf } from "../models/weight-reader.ts"
import { disposeParams } from "../params.ts"
import { withOutline } from "./outline-backend.ts"
import { createOutlineOps } from "./outline-ops.ts"
import type { Footprint } from "./plan.ts"
import { outlineFile } from "./sdxl-outline.ts"

/** Bytes that encoding or decoding one picture takes beside the weights. `planMemory` lists the conditions. */
export async function vaeBytes(
  config: VaeConfig,
  { height, width }: VaePicture,
  slices: number,
  { adjust = (ops) => ops, ...options }: Footprint,
): Promise<number> {
  return withOutline(options.pooled ?? false, async (backend) => {
    const ops = adjust(createOutlineOps(backend, options))
    const build = buildVae(config)
    const vae = await loadParams("a VAE", outlineFile("a VAE", await shapesOf(build), "F32"), ops.load, build)
    const image = tf.zeros<tf.Rank.R4>([1, height, width, 3])
    const latents = tf.zeros<tf.Rank.R4>([1, height / VAE_FACTOR, width / VAE_FACTOR, config.latentChannels])
    backend.takeHolding()
    const { mean, logvar } = encodeImage(ops, vae, image, { slices })
    tf.dispose([mean, logvar])
    ops.trim?.()
    decodeLatents(ops, vae, latents, { slices }).dispose()
    const { startBytes, peakBytes } = backend.takeHolding()
    tf.dispose([image, latents])
    disposeParams(vae)
    return peakBytes - startBytes
  })
}

/**
 * The fewest slices with which a picture fits into `bytes` and no tensor is larger than the device takes. If no number
 * of slices fits, the result is the largest possible number. See `VaeOptions.slices`.
 */
export async function chooseVaeSlices(
  config: VaeConfig,
  picture: VaePicture,
  bytes: number,
  footprint: Footprint,
): Promise<number> {
  const most = Math.max(1, Math.ceil(picture.height / VAE_FACTOR))
  const least = slicesToBind(config, picture, footprint.maxTensorBytes ?? Number.POSITIVE_INFINITY)
  for (let slices = least; slices < most; slices *= 2) {
    if ((await vaeBytes(config, picture, slices, footprint)) <= bytes) return slices
  }
  return most
}
