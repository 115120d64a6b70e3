import { resample } from "../filters/resample.ts"
import { definePreprocessor } from "./preprocessor.ts"

/** Below this, the picture stays as it is. */
const LEAST_RATE = 1.1

export const tileResample = definePreprocessor({
  help: "A smaller picture, for tiles. The sides are divided by the rate.",
  aliases: ["tile"],
  options: { rate: { min: 1, max: 8, default: 1, help: "What the sides are divided by. Below 1.1 nothing changes." } },
  run(image, { rate }) {
    if (rate < LEAST_RATE) return image
    const side = (pixels: number): number => Math.max(1, Math.trunc(pixels / rate))
    return resample(image, side(image.width), side(image.height), "area")
  },
})
