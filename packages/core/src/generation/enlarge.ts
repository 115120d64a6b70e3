import type { Tensor4D } from "@tensorflow/tfjs-core"
import { resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"
import { type GridKernel, resizeGrid } from "../models/resize-grid.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { encodePictures, type VaeParts, vaeParts } from "./encode-pictures.ts"
import type { GenerateOptions } from "./request.ts"

/* What a first stage becomes for the second. */

type LargeSize = Pick<GenerateOptions, "width" | "height">

/** Pictures of a first stage, enlarged by Lanczos and encoded. → [N, H/8, W/8, C], which the caller disposes */
export function enlargePictures(
  sdxl: Sdxl,
  pictures: readonly RgbImage[],
  { width, height, ...parts }: LargeSize & VaeParts,
): Tensor4D {
  const large = pictures.map((picture) => resizeImage(picture, width, height, "lanczos"))
  return encodePictures(sdxl, large, vaeParts(parts))
}

/** Latents of a first stage, enlarged. → [N, H/8, W/8, C], which the caller disposes */
export function enlargeLatents(latents: Tensor4D, { width, height }: LargeSize, kernel: GridKernel): Tensor4D {
  return resizeGrid(latents, { height: height / VAE_FACTOR, width: width / VAE_FACTOR }, kernel)
}
