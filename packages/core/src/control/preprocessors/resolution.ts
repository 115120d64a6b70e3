import { CoreError } from "../../errors.ts"
import { MOST_PICTURE_PIXELS } from "../../image/picture-format.ts"
import type { GreyImage, RgbImage } from "../../image.ts"
import { channelsOf } from "../../image.ts"
import { resample, roundHalfEven } from "../filters/resample.ts"

/** The option that most of ControlNet's annotators have. */
export const RESOLUTION = {
  default: null,
  integer: true,
  min: 1,
  max: 16384,
  help: "Pixels that the shorter side gets first. Without it, the picture keeps its size.",
} as const

/** Annotators work on sides of whole blocks, and some neighbours of the edge follow from it. */
const BLOCK = 64

/** A picture with its shorter side at `resolution`, or the picture itself for null. @throws CoreError for over 100 million pixels */
export function atResolution(image: RgbImage, resolution: number | null): RgbImage {
  if (resolution === null) return image
  const factor = resolution / Math.min(image.width, image.height)
  const [width, height] = [roundHalfEven(image.width * factor), roundHalfEven(image.height * factor)]
  checkPixels(width, height)
  return resample(image, width, height, factor > 1 ? "cubic" : "area")
}

/**
 * Runs an annotator on a picture whose edge is repeated on the right and below up to whole blocks. The result is
 * without that border.
 *
 * Source: `resize_image_with_pad` of sd-webui-controlnet.
 *
 * @param sized the picture at its resolution
 */
export function inBlocks<Image extends RgbImage | GreyImage>(
  sized: Image,
  annotate: (image: Image) => GreyImage,
): GreyImage {
  const annotated = annotate(padToBlocks(sized))
  const data = new Uint8Array(sized.width * sized.height)
  for (let y = 0; y < sized.height; y++) {
    const from = y * annotated.width
    data.set(annotated.data.subarray(from, from + sized.width), y * sized.width)
  }
  return { width: sized.width, height: sized.height, data }
}

/** The picture with its edge repeated on the right and below, up to sides that are multiples of 64. */
export function padToBlocks<Image extends RgbImage | GreyImage>(image: Image): Image {
  const channels = channelsOf(image)
  const [width, height] = [wholeBlocks(image.width), wholeBlocks(image.height)]
  if (width === image.width && height === image.height) return image
  const line = width * channels
  const own = image.width * channels
  const data = new Uint8Array(height * line)
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * line, (y + 1) * line)
    const from = Math.min(y, image.height - 1) * own
    row.set(image.data.subarray(from, from + own))
    const edge = row.slice(own - channels, own)
    for (let at = own; at < line; at += channels) row.set(edge, at)
  }
  return { ...image, width, height, data }
}

function wholeBlocks(side: number): number {
  return Math.ceil(side / BLOCK) * BLOCK
}

/**
 * A picture whose sides are whole blocks of 64 pixels, with the shorter side near `resolution`.
 *
 * Source: `resize_image` of controlnet_aux.
 *
 * @param resolution pixels, at least 32
 * @throws CoreError when a side would be 0, or for over 100 million pixels
 */
export function resizeToBlocks(image: RgbImage, resolution: number): RgbImage {
  const factor = resolution / Math.min(image.width, image.height)
  const toBlocks = (side: number): number => roundHalfEven((side * factor) / BLOCK) * BLOCK
  const [width, height] = [toBlocks(image.width), toBlocks(image.height)]
  checkPixels(width, height)
  return resample(image, width, height, factor > 1 ? "lanczos4" : "area")
}

/** @throws CoreError for over 100 million pixels */
export function checkPixels(width: number, height: number): void {
  if (width * height <= MOST_PICTURE_PIXELS) return
  throw new CoreError(
    "picture-size",
    `preprocess: the picture would get ${width} x ${height}, more than ${MOST_PICTURE_PIXELS / 1e6} million pixels. Choose a smaller resolution.`,
  )
}
