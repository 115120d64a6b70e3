import type { CropBox, GreyImage, RgbImage } from "@lllite/core/image"
import { cropImage, fitImage, gaussianBlur, greyToRgb, maskOf, resizeImage } from "@lllite/core/image"
import type { Img2ImgFields } from "./fields.ts"

/* Image to image with a mask, as A1111 does it. Source: stable-diffusion-webui 1.10, `processing.py`, `masking.py`. */

/** What is drawn, and how the drawn picture becomes the result. */
export interface InpaintPlan {
  /** The picture to start from, of the size that is drawn. */
  readonly image: RgbImage
  /** White is drawn anew. Null: everything is. */
  readonly mask: RgbImage | null
  /** The drawn picture in the place of what the mask names. The rest is as it was. */
  readonly finish: (drawn: RgbImage) => RgbImage
}

type InpaintFields = Pick<
  Img2ImgFields,
  | "width"
  | "height"
  | "resize_mode"
  | "mask_blur"
  | "mask_blur_x"
  | "mask_round"
  | "inpaint_full_res"
  | "inpaint_full_res_padding"
  | "inpainting_mask_invert"
>

/** How a picture of another size is fitted, by A1111's number. */
const FITS = ["stretch", "crop", "pad"] as const

/** @param picture the picture to start from @param white the mask, of any size */
export function planInpainting(picture: RgbImage, white: RgbImage | null, fields: InpaintFields): InpaintPlan {
  const { width, height } = fields
  const fit = FITS[fields.resize_mode] ?? "stretch"
  const fitted = (image: RgbImage): RgbImage => fitImage(image, { width, height }, fit)
  if (white === null) return { image: fitted(picture), mask: null, finish: (drawn) => drawn }
  const soft = softMask(white, picture, fields)
  const box = fields.inpaint_full_res ? cropBox(soft, fields) : null
  if (box !== null) {
    // Only what is masked is drawn, at the full size.
    const cut = (image: RgbImage): RgbImage => resizeImage(cropImage(image, box), width, height, "lanczos")
    return {
      image: cut(picture),
      mask: hardMask(maskOf(cut(greyToRgb(soft))), fields),
      finish: (drawn) =>
        blend(picture, placed(picture, resizeImage(drawn, box.width, box.height, "lanczos"), box), soft),
    }
  }
  const [image, mask] = [fitted(picture), maskOf(fitted(greyToRgb(soft)))]
  return { image, mask: hardMask(mask, fields), finish: (drawn) => blend(image, drawn, mask) }
}

/** The mask at the picture's size: black or white, and then blurred. */
function softMask(white: RgbImage, { width, height }: RgbImage, fields: InpaintFields): GreyImage {
  const { mask_blur: blur, mask_blur_x: blurX, mask_round: isRound, inpainting_mask_invert: invert } = fields
  const sized = maskOf(resizeImage(white, width, height, "lanczos"))
  const data = sized.data.map((value) => {
    const rounded = isRound ? (value > 128 ? 255 : 0) : value
    return invert === 0 ? rounded : 255 - rounded
  })
  const sigma = blur ?? blurX
  const mask = { width, height, data }
  return sigma > 0 ? gaussianBlur(mask, sigma) : mask
}

/** The mask of the latents, which A1111 rounds. */
function hardMask({ width, height, data }: GreyImage, { mask_round: isRound }: InpaintFields): RgbImage {
  return greyToRgb({ width, height, data: isRound ? data.map((value) => (value >= 128 ? 255 : 0)) : data })
}

/** The rectangle around what is masked, widened to the shape of what is drawn. Null: nothing is masked. */
export function cropBox(
  { width, height, data }: GreyImage,
  { inpaint_full_res_padding: padding, ...drawn }: Pick<InpaintFields, "inpaint_full_res_padding" | "width" | "height">,
): CropBox | null {
  const marked = { left: width, top: height, right: 0, bottom: 0 }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue
      marked.left = Math.min(marked.left, x)
      marked.right = Math.max(marked.right, x + 1)
      marked.top = Math.min(marked.top, y)
      marked.bottom = y + 1
    }
  }
  if (marked.right === 0) return null
  const wide = span(marked.left - padding, marked.right + padding, 0, width)
  const high = span(marked.top - padding, marked.bottom + padding, 0, height)
  const shape = drawn.width / drawn.height
  // The shorter of both sides grows, as far as there is room.
  const across = span(wide.from, wide.to, high.length * shape, width)
  const down = span(high.from, high.to, wide.length / shape, height)
  return { left: across.from, top: down.from, width: across.length, height: down.length }
}

interface Span {
  readonly from: number
  readonly to: number
  readonly length: number
}

/** A stretch of pixels, widened evenly to a length, and moved inside of the picture. */
function span(from: number, to: number, least: number, limit: number): Span {
  const inside = [Math.max(0, from), Math.min(limit, to)] as const
  const length = Math.min(limit, Math.max(inside[1] - inside[0], Math.trunc(least)))
  const start = inside[0] - Math.trunc((length - (inside[1] - inside[0])) / 2)
  const moved = Math.max(0, Math.min(limit - length, start))
  return { from: moved, to: moved + length, length }
}

/** A picture with another one at a place. */
function placed(image: RgbImage, part: RgbImage, { left, top }: CropBox): RgbImage {
  const data = image.data.slice()
  for (let y = 0; y < part.height; y++) {
    data.set(part.data.subarray(3 * y * part.width, 3 * (y + 1) * part.width), 3 * ((top + y) * image.width + left))
  }
  return { ...image, data }
}

/** `over` where the mask is white, and `under` where it is black. */
function blend(under: RgbImage, over: RgbImage, { data: mask }: GreyImage): RgbImage {
  const data = under.data.map((value, i) => {
    const share = (mask[Math.floor(i / 3)] ?? 0) / 255
    return Math.round(value + ((over.data[i] ?? 0) - value) * share)
  })
  return { ...under, data }
}
