import { rgbToGrey } from "../../image.ts"
import { mapBytes } from "../filters/colours.ts"
import { ridgeLines, thinLines } from "../filters/thin-lines.ts"
import { definePreprocessor } from "./preprocessor.ts"

export const thin = definePreprocessor({
  help: "White lines on black, thinned to a pixel's width.",
  options: { spurs: { default: false, help: "Keep single pixels and spurs." } },
  run: (image, { spurs }) =>
    thinLines(
      mapBytes(rgbToGrey(image), (byte) => (byte > 127 ? 255 : 0)),
      { prune: !spurs },
    ),
})

export const nms = definePreprocessor({
  help: "White lines, a pixel wide, along the ridges of a soft picture of lines.",
  options: {
    threshold: { min: 0, max: 255, default: 127, help: "What a ridge has to exceed." },
    sigma: { min: 0.01, max: 64, default: 3, help: "Width of the blur before, in pixels." },
  },
  run: (image, { threshold, sigma }) => ridgeLines(rgbToGrey(image), threshold, sigma),
})
