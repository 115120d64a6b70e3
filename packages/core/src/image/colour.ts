import { checkArgument } from "../argument.ts"
import { expectRgb, type RgbImage } from "../image.ts"
import { checkRanges } from "../number-range.ts"

/** Turns the hue of every pixel. Saturation and value stay. @param degrees of the colour circle */
export function shiftHue(image: RgbImage, degrees: number): RgbImage {
  expectRgb(image)
  checkArgument("image: the degrees", degrees, "a finite number")
  const data = new Uint8Array(image.data.length)
  for (let i = 0; i < data.length; i += 3) {
    const [red, green, blue] = [image.data[i] as number, image.data[i + 1] as number, image.data[i + 2] as number]
    const value = Math.max(red, green, blue)
    const chroma = value - Math.min(red, green, blue)
    const hue = (((hueOf(red, green, blue, value, chroma) + degrees / 60) % 6) + 6) % 6
    // Of each channel, the distance from the value is a trapezoid over the circle.
    for (const [channel, offset] of [5, 3, 1].entries()) {
      const at = (offset + hue) % 6
      data[i + channel] = Math.round(value - chroma * Math.max(0, Math.min(at, 4 - at, 1)))
    }
  }
  return { width: image.width, height: image.height, data }
}

/** The hue in sixths of the circle. Grey has 0. */
function hueOf(red: number, green: number, blue: number, value: number, chroma: number): number {
  if (chroma === 0) return 0
  if (value === red) return ((green - blue) / chroma + 6) % 6
  if (value === green) return (blue - red) / chroma + 2
  return (red - green) / chroma + 4
}

/**
 * Raises every value, as a share of white, to a power.
 *
 * @param gamma above 1 darkens
 * @throws CoreError when it is negative
 */
export function applyGamma(image: RgbImage, gamma: number): RgbImage {
  expectRgb(image)
  checkRanges("image", { gamma }, { gamma: { min: 0 } })
  const table = Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * (value / 255) ** gamma))
  return { width: image.width, height: image.height, data: image.data.map((value) => table[value] as number) }
}
