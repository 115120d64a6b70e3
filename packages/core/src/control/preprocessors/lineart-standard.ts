import type { GreyImage, RgbImage } from "../../image.ts"
import { floatsOf, gaussianBlurFloats } from "../filters/gaussian-blur.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, inBlocks, RESOLUTION } from "./resolution.ts"

const SIGMA = 6
/** Differences above this are lines, and their median becomes GREY. */
const FAINT = 8
const LEAST_MEDIAN = 16
const GREY = 127

export const lineartStandard = definePreprocessor({
  help: "Soft white lines on black, from dark lines on a bright ground.",
  aliases: ["lineart"],
  options: { resolution: RESOLUTION },
  run: (image, { resolution }) => inBlocks(atResolution(image, resolution), lines),
})

function lines(image: RgbImage): GreyImage {
  const { width, height } = image
  const { fround } = Math
  const pixels = floatsOf(image)
  const ground = gaussianBlurFloats(pixels, SIGMA).data
  const intensity = new Float32Array(width * height)
  for (let i = 0; i < intensity.length; i++) {
    let least = Number.POSITIVE_INFINITY
    for (let at = 3 * i; at < 3 * i + 3; at++) {
      least = Math.min(least, fround((ground[at] as number) - (pixels.data[at] as number)))
    }
    intensity[i] = Math.min(255, Math.max(0, least))
  }
  const divisor = Math.max(LEAST_MEDIAN, median(intensity.filter((value) => value > FAINT)))
  const data = Uint8Array.from(intensity, (value) => Math.min(255, Math.trunc(fround(fround(value / divisor) * GREY))))
  return { width, height, data }
}

/** 0 for no value. */
function median(values: Float32Array): number {
  const sorted = values.sort()
  const middle = sorted.length >> 1
  if (sorted.length === 0) return 0
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return Math.fround(((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2)
}
