import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { cropCentre } from "./crop.ts"
import { resizeImage } from "./resize.ts"
import { expectSize } from "./size.ts"

/**
 * How a picture gets another size: `stretch` changes its shape, `crop` cuts what is too much at both ends, `pad` adds
 * what lacks at both ends.
 */
export const FITS = ["stretch", "crop", "pad"] as const

export type Fit = (typeof FITS)[number]

/** The default: what sd-scripts does. */
export const DEFAULT_FIT: Fit = "stretch"

/**
 * Resizes a picture by Lanczos, and makes it fit.
 *
 * @param change is applied after the picture is resized and cropped, and before it is padded: what it makes of the
 * padding would not be in the picture. It keeps the size.
 * @throws CoreError when a side is not a positive integer
 */
export function fitImage(
  image: RgbImage,
  target: Pick<RgbImage, "width" | "height">,
  fit: Fit,
  change: (image: RgbImage) => RgbImage = (image) => image,
): RgbImage {
  checkArgument("image: the change", change, "a function")
  checkArgument("image: the picture", image, "an object")
  checkArgument("image: the size", target, "an object")
  const { width, height } = target
  expectSize(width, height)
  const size = scaledSize(image, { width, height }, fit)
  const resized = resizeImage(image, size.width, size.height, "lanczos")
  if (fit !== "pad") return change(fit === "crop" ? cropCentre(resized, width, height) : resized)
  return padded(change(resized), width, height)
}

/** The size before a picture is cropped or padded. */
function scaledSize(
  image: RgbImage,
  { width, height }: Pick<RgbImage, "width" | "height">,
  fit: Fit,
): Pick<RgbImage, "width" | "height"> {
  if (fit === "stretch") return { width, height }
  if (!FITS.includes(fit)) {
    throw new CoreError("option-unknown", `image: fit is ${JSON.stringify(fit)}, expected one of ${FITS.join(", ")}`)
  }
  const factors = [width / image.width, height / image.height]
  const factor = fit === "crop" ? Math.max(...factors) : Math.min(...factors)
  const scaled = (side: number, limit: number): number => {
    const pixels = Math.max(1, Math.round(side * factor))
    return fit === "crop" ? Math.max(limit, pixels) : Math.min(limit, pixels)
  }
  return { width: scaled(image.width, width), height: scaled(image.height, height) }
}

/**
 * The picture in the middle of a larger one, on the median colour of its border: black around white lines.
 *
 * Source: sd-webui-controlnet, "Resize and Fill".
 */
function padded(image: RgbImage, width: number, height: number): RgbImage {
  if (width === image.width && height === image.height) return image
  const colour = borderColour(image)
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3] as number
  const [left, top] = [Math.floor((width - image.width) / 2), Math.floor((height - image.height) / 2)]
  const line = image.width * 3
  for (let row = 0; row < image.height; row++) {
    data.set(image.data.subarray(row * line, (row + 1) * line), ((top + row) * width + left) * 3)
  }
  return { width, height, data }
}

function borderColour({ width, height, data }: RgbImage): readonly number[] {
  const pixels: number[] = []
  for (let x = 0; x < width; x++) pixels.push(x, (height - 1) * width + x)
  for (let y = 0; y < height; y++) pixels.push(y * width, (y + 1) * width - 1)
  return [0, 1, 2].map((channel) => {
    const values = Uint8Array.from(pixels, (pixel) => data[3 * pixel + channel] as number).sort()
    const [low = 0, high = 0] = [values[(values.length - 1) >> 1], values[values.length >> 1]]
    return Math.trunc((low + high) / 2)
  })
}
