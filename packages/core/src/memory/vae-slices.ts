import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { GENERATE_RANGES } from "../generation/defaults.ts"
import type { VaeParts } from "../generation/encode-pictures.ts"
import type { VaeConfig } from "../models/vae/config.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { shareNorms } from "../models/vae/shared-norms.ts"
import { checkSides, slicesToBind, type VaePicture } from "../models/vae/slice-sizes.ts"
import { decodeLatents, encodeImage } from "../models/vae/vae.ts"
import { buildVae } from "../models/vae/weights.ts"
import { loadParams, shapesOf } from "../models/weight-reader.ts"
import { checkRanges } from "../number-range.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import { withOutline } from "./outline-backend.ts"
import { checkFootprint, createOutlineOps } from "./outline-ops.ts"
import type { Footprint } from "./plan.ts"
import { outlineFile } from "./sdxl-outline.ts"

/** Bytes that encoding or decoding one picture takes beside the weights. `planMemory` lists the conditions. */
export async function vaeBytes(
  config: VaeConfig,
  picture: VaePicture,
  slices: number,
  footprint: Footprint,
): Promise<number> {
  checkTask(config, picture, footprint)
  checkRanges("VAE", { slices: slices ?? null }, { slices: GENERATE_RANGES.vaeSlices })
  return (await vaeHolding(config, picture, slices, footprint)).bytes
}

/** @throws CoreError for arguments of another kind, and for sides that the VAE does not take */
function checkTask(config: VaeConfig, picture: VaePicture, footprint: Footprint): void {
  checkGiven("VAE: the config", config, "channels", "inferVaeConfig")
  checkArgument("VAE: the channels of the config", config.channels, "a list")
  checkSides("VAE", picture)
  const { height, width } = picture
  if (height % VAE_FACTOR !== 0 || width % VAE_FACTOR !== 0) {
    throw new CoreError(
      "picture-size",
      `VAE: the picture is ${width}×${height} px, expected multiples of ${VAE_FACTOR}`,
    )
  }
  checkFootprint("VAE", footprint)
}

/** The same, with the bytes of the largest tensor. */
async function vaeHolding(
  config: VaeConfig,
  { height, width }: VaePicture,
  slices: number | "tile",
  { adjust = (ops) => ops, ...options }: Footprint,
): Promise<{ readonly bytes: number; readonly largestBytes: number }> {
  return withOutline(options.pooled ?? false, async (backend) => {
    const ops = adjust(createOutlineOps(backend, options))
    const build = buildVae(config)
    const vae = await loadParams("a VAE", outlineFile("a VAE", await shapesOf(build), "F32"), ops.load, build)
    const image = tf.zeros<tf.Rank.R4>([1, height, width, 3])
    const latents = tf.zeros<tf.Rank.R4>([1, height / VAE_FACTOR, width / VAE_FACTOR, config.latentChannels])
    const run = (own: Ops): void => {
      const parts = { slices: slices === "tile" ? 1 : slices }
      const { mean, logvar } = encodeImage(own, vae, image, parts)
      tf.dispose([mean, logvar])
      own.trim?.()
      decodeLatents(own, vae, latents, parts).dispose()
    }
    const norms = shareNorms(ops)
    // The norms of tiles are not fused. They take more than the runtime's own.
    if (slices === "tile") run(norms.measuring)
    backend.takeHolding()
    run(slices === "tile" ? norms.fixed : ops)
    const { startBytes, peakBytes, largestBytes } = backend.takeHolding()
    tf.dispose([image, latents])
    norms.dispose()
    disposeParams(vae)
    return { bytes: peakBytes - startBytes, largestBytes }
  })
}

/**
 * The fewest slices with which a picture fits into `bytes` and no tensor is larger than the device takes. If no number
 * of slices fits, the result is the largest possible number. See `VaeOptions.slices`.
 *
 * @throws CoreError `argument` for bytes that are no number, for a picture outside the ranges, and for a wrong footprint
 */
export async function chooseVaeSlices(
  config: VaeConfig,
  picture: VaePicture,
  bytes: number,
  footprint: Footprint,
): Promise<number> {
  checkTask(config, picture, footprint)
  checkBytes(bytes)
  const most = Math.max(1, Math.ceil(picture.height / VAE_FACTOR))
  const least = slicesToBind(config, picture, footprint.maxTensorBytes ?? Number.POSITIVE_INFINITY)
  for (let slices = least; slices < most; slices *= 2) {
    if ((await vaeBytes(config, picture, slices, footprint)) <= bytes) return slices
  }
  return most
}

function checkBytes(bytes: unknown): void {
  checkArgument("VAE: the bytes", bytes, "a number")
  if (Number.isNaN(bytes)) throw new CoreError("argument", "VAE: the bytes are NaN, expected a number")
}

/** Sides of the tiles that `chooseVaeParts` tries, in pixels. */
const TILE_SIDES = [2048, 1024, 768, 512, 384, 256] as const

/**
 * How the VAE takes a picture apart in `bytes`: in as few slices as fit, because they change nothing. If no number of
 * slices fits, in the largest tiles that do. If no tile fits, in the most slices.
 */
export async function chooseVaeParts(
  config: VaeConfig,
  picture: VaePicture,
  bytes: number,
  footprint: Footprint,
): Promise<Required<VaeParts>> {
  checkTask(config, picture, footprint)
  checkBytes(bytes)
  const limit = footprint.maxTensorBytes ?? Number.POSITIVE_INFINITY
  const fits = async (part: VaePicture, slices: number | "tile"): Promise<boolean> => {
    const need = await vaeHolding(config, part, slices, footprint)
    return need.bytes <= bytes && need.largestBytes <= limit
  }
  const vaeSlices = await chooseVaeSlices(config, picture, bytes, footprint)
  const longest = Math.max(picture.height, picture.width)
  const sides = TILE_SIDES.filter((side) => side < longest)
  if (sides.length === 0 || (await fits(picture, vaeSlices))) return { vaeSlices, vaeTiles: null }
  for (const size of sides) {
    const part = { height: Math.min(size, picture.height), width: Math.min(size, picture.width) }
    if (await fits(part, "tile")) return { vaeSlices, vaeTiles: { size } }
  }
  return { vaeSlices, vaeTiles: null }
}
