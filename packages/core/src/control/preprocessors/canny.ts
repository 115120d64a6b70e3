import { rgbToGrey } from "../../image.ts"
import { canny } from "../canny.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { inBlocks, RESOLUTION } from "./resolution.ts"

const THRESHOLD = { min: 0, max: 32767 } as const

export const cannyPreprocessor = definePreprocessor({
  help: "White edges on black, as OpenCV finds them.",
  options: {
    low: { ...THRESHOLD, default: 100, help: "Gradients above this continue an edge." },
    high: { ...THRESHOLD, default: 200, help: "Gradients above this start an edge." },
    l2: { default: false, help: "Measure gradients by their Euclidean length." },
    grey: { default: false, help: "Find edges of the luma, not of each colour. sd-scripts does so." },
    resolution: RESOLUTION,
  },
  run: (image, { low, high, l2, grey, resolution }) =>
    inBlocks(image, resolution, (padded) => canny(grey ? rgbToGrey(padded) : padded, { low, high, l2 })),
})
