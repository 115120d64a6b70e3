import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import { channelsOf } from "../image.ts"

/** A rectangle of a picture, in pixels from its left upper corner. */
export interface CropBox {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * The middle of a picture. Each axis is cut evenly at both ends. An odd pixel is cut at the far end.
 *
 * @throws CoreError when the picture is smaller than the crop
 */
export function cropCentre<Image extends RgbImage | GreyImage>(image: Image, width: number, height: number): Image {
  channelsOf(image)
  const left = Math.floor((image.width - width) / 2)
  const top = Math.floor((image.height - height) / 2)
  return cropImage(image, { left, top, width, height })
}

/**
 * A rectangle of a picture. A crop of the whole picture is the picture itself.
 *
 * @throws CoreError when the rectangle is not inside of the picture
 */
export function cropImage<Image extends RgbImage | GreyImage>(image: Image, box: CropBox): Image
export function cropImage(image: RgbImage | GreyImage, box: CropBox): RgbImage | GreyImage {
  const channels = channelsOf(image)
  checkArgument("crop: the box", box, "an object")
  const { left, top, width, height } = box
  if (width > image.width || height > image.height) {
    throw new CoreError(
      "picture-size",
      `crop: ${width} x ${height} does not fit into ${image.width} x ${image.height}. Resize the picture first.`,
    )
  }
  const isInside =
    width > 0 && height > 0 && left >= 0 && top >= 0 && left + width <= image.width && top + height <= image.height
  if (!isInside || ![left, top, width, height].every(Number.isSafeInteger)) {
    throw new CoreError(
      "picture-size",
      `crop: ${width} x ${height} at ${left}, ${top} is not inside of ${image.width} x ${image.height}`,
    )
  }
  if (width === image.width && height === image.height) return image
  const data = new Uint8Array(width * height * channels)
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * channels
    data.set(image.data.subarray(from, from + width * channels), row * width * channels)
  }
  return { width, height, data }
}

/** A picture mirrored from left to right. */
export function mirrorImage<Image extends RgbImage | GreyImage>(image: Image): Image
export function mirrorImage(image: RgbImage | GreyImage): RgbImage | GreyImage {
  const channels = channelsOf(image)
  const { width, height } = image
  const data = new Uint8Array(image.data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels
      const to = (y * width + width - 1 - x) * channels
      for (let channel = 0; channel < channels; channel++) data[to + channel] = image.data[from + channel] as number
    }
  }
  return { width, height, data }
}
