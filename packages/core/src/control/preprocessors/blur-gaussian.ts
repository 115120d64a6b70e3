import { gaussianBlur } from "../filters/gaussian-blur.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, RESOLUTION } from "./resolution.ts"

export const blurGaussian = definePreprocessor({
  help: "A Gaussian blur.",
  aliases: ["blur"],
  options: {
    sigma: { min: 0.01, max: 64, default: 9, help: "Width of the blur in pixels." },
    resolution: RESOLUTION,
  },
  run: (image, { sigma, resolution }) => gaussianBlur(atResolution(image, resolution), sigma),
})
