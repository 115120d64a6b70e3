import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"

/**
 * The middle of a picture. Each axis is cut evenly at both ends. An odd pixel is cut at the far end.
 *
 * @throws CoreError when the picture is smaller than the crop
 */
export function cropCentre(image: RgbImage, width: number, height: number): RgbImage {
  if (width > image.width || height > image.height) {
    throw new CoreError(
      "picture-size",
      `crop: ${width} x ${height} does not fit into ${image.width} x ${image.height}. Resize the picture first.`,
    )
  }
  if (width === image.width && height === image.height) return image
  const left = Math.floor((image.width - width) / 2)
  const top = Math.floor((image.height - height) / 2)
  const data = new Uint8Array(width * height * 3)
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * 3
    data.set(image.data.subarray(from, from + width * 3), row * width * 3)
  }
  return { width, height, data }
}
