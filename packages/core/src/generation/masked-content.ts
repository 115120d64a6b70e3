import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { fillMasked } from "../image/fill-masked.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import type { MaskedContent } from "./start-picture.ts"

/** The grey of `grey`, and the value from which its mask counts. */
const GREY = 128

/**
 * The pictures that are encoded, whose masked parts have a content. One picture or one mask is for all.
 *
 * @param masks of the pictures' size: 255 changes, 0 stays
 */
export function picturesWithContent(
  pictures: readonly RgbImage[],
  masks: readonly GreyImage[],
  content: MaskedContent,
): readonly RgbImage[] {
  if (content === "original" || masks.length === 0) return pictures
  return Array.from({ length: Math.max(pictures.length, masks.length) }, (_, i) => {
    const picture = (pictures[i] ?? pictures[0]) as RgbImage
    const mask = (masks[i] ?? masks[0]) as GreyImage
    return content === "grey" ? greyMasked(picture, mask) : fillMasked(picture, mask)
  })
}

/** Source: ComfyUI `nodes.py` (`VAEEncodeForInpaint`), which rounds the mask. */
function greyMasked({ data, ...size }: RgbImage, mask: GreyImage): RgbImage {
  return { ...size, data: data.map((value, i) => ((mask.data[Math.floor(i / 3)] ?? 0) >= GREY ? GREY : value)) }
}

/**
 * Latents whose masked parts have a content. For contents of pixels, they are the same.
 * latents: [N or 1, H/8, W/8, C], mask: [N or 1, H/8, W/8, 1], unit: the unit noise of the start, [N, H/8, W/8, C] → a new
 * tensor, [N or 1, H/8, W/8, C]
 *
 * Source: stable-diffusion-webui `processing.py` (`inpainting_fill`).
 */
export function latentsWithContent(
  latents: Tensor4D,
  mask: Tensor4D,
  unit: Tensor4D,
  content: MaskedContent,
): Tensor4D {
  return tf.tidy(() => {
    if (content !== "noise" && content !== "nothing") return tf.clone(latents)
    const rest = tf.mul(latents, tf.sub(1, mask)) as Tensor4D
    return content === "nothing" ? rest : tf.add(rest, tf.mul(unit, mask))
  })
}
