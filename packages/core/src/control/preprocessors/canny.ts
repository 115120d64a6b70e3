import { rgbToGrey } from "../../image.ts"
import { canny } from "../canny.ts"
import { gaussianBlur } from "../filters/gaussian-blur.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { atResolution, inBlocks, RESOLUTION } from "./resolution.ts"

const THRESHOLD = { min: 0, max: 32767 } as const

export const cannyPreprocessor = definePreprocessor({
  help: "White edges on black, as OpenCV finds them.",
  options: {
    low: { ...THRESHOLD, default: 100, help: "Gradients above this continue an edge." },
    high: { ...THRESHOLD, default: 200, help: "Gradients above this start an edge." },
    l2: { default: false, help: "Measure gradients by their Euclidean length." },
    grey: { default: false, help: "Find edges of the luma, not of each colour. sd-scripts does so." },
    resolution: RESOLUTION,
    blur: { min: 0, max: 64, default: 0, help: "Width of a Gaussian blur before, in pixels. Small edges go." },
  },
  run: (image, { low, high, l2, grey, resolution, blur }) => {
    const sized = atResolution(image, resolution)
    const seen = grey ? rgbToGrey(sized) : sized
    // The border is added after the blur, which mirrors the picture's own edge.
    const smooth = blur === 0 ? seen : gaussianBlur(seen, blur)
    return inBlocks(smooth, (padded) => canny(padded, { low, high, l2 }))
  },
})
