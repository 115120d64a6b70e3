import { darkest, mapBytes } from "../filters/colours.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, RESOLUTION } from "./resolution.ts"

export const threshold = definePreprocessor({
  help: "White where all channels are above a threshold, black elsewhere.",
  options: {
    threshold: { min: 0, max: 255, default: 127, help: "The highest value that becomes black." },
    resolution: RESOLUTION,
  },
  run: (image, { threshold, resolution }) =>
    mapBytes(darkest(atResolution(image, resolution)), (byte) => (byte > threshold ? 255 : 0)),
})
