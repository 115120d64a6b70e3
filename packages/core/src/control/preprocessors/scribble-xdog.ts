import type { GreyImage, RgbImage } from "../../image.ts"
import { floatsOf, gaussianBlurFloats } from "../filters/gaussian-blur.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, inBlocks, RESOLUTION } from "./resolution.ts"

/** Both blurs, in pixels. Lines are where the narrow one is darker. */
const NARROW = 0.5
const WIDE = 5

export const scribbleXdog = definePreprocessor({
  help: "White scribbles where the picture is darker than its surroundings (difference of Gaussians).",
  aliases: ["xdog", "scribble"],
  options: {
    threshold: { min: 1, max: 64, default: 32, help: "How much darker a line is. Low values draw more lines." },
    resolution: RESOLUTION,
  },
  run: (image, { threshold, resolution }) =>
    inBlocks(atResolution(image, resolution), (padded) => differences(padded, threshold)),
})

function differences(image: RgbImage, threshold: number): GreyImage {
  const { width, height } = image
  const pixels = floatsOf(image)
  const narrow = gaussianBlurFloats(pixels, NARROW).data
  const wide = gaussianBlurFloats(pixels, WIDE).data
  const data = new Uint8Array(width * height)
  for (let i = 0; i < data.length; i++) {
    let least = Number.POSITIVE_INFINITY
    for (let at = 3 * i; at < 3 * i + 3; at++) {
      least = Math.min(least, Math.fround((wide[at] as number) - (narrow[at] as number)))
    }
    const bright = Math.trunc(Math.min(255, Math.max(0, Math.fround(255 - least))))
    // The double is a byte in the reference, so a very dark line starts again at 0.
    data[i] = ((2 * (255 - bright)) & 255) > threshold ? 255 : 0
  }
  return { width, height, data }
}
