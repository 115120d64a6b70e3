import { cropCentre, type RgbImage, resizeImage } from "@lllite/core/image"

/** Resizes a picture to cover a square as one of the size `like` does, and crops it to the square. */
export function fitSquare(image: RgbImage, size: number, like: Pick<RgbImage, "width" | "height"> = image): RgbImage {
  const scale = size / Math.min(like.width, like.height)
  const width = Math.max(size, Math.round(like.width * scale))
  const height = Math.max(size, Math.round(like.height * scale))
  return cropCentre(resizeImage(image, width, height, width < image.width ? "area" : "lanczos"), size, size)
}
