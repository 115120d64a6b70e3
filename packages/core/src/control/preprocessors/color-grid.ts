import { resample, roundHalfEven } from "../filters/resample.ts"
import { definePreprocessor } from "./preprocessor.ts"
import { checkPixels } from "./resolution.ts"

/** Pixels of a square. */
const CELL = 64

export const colorGrid = definePreprocessor({
  help: "Large squares with the colours of the picture.",
  aliases: ["color", "t2ia_color_grid"],
  options: {
    resolution: {
      ...{ integer: true, min: CELL, max: 4096, default: 512 },
      help: "Pixels that the shorter side gets. It has a square for every 64.",
    },
  },
  run(image, { resolution }) {
    const { width: w, height: h } = image
    const [width, height] =
      h < w ? [roundHalfEven((w / h) * resolution), resolution] : [resolution, roundHalfEven((h / w) * resolution)]
    checkPixels(width, height)
    const sized = resample(image, width, height, "area")
    const cells = resample(sized, Math.floor(width / CELL), Math.floor(height / CELL), "cubic")
    return resample(cells, width, height, "nearest")
  },
})
