import { rgbToGrey } from "../../image.ts"
import { mapBytes } from "../filters/colours.ts"
import { otsuThreshold } from "../filters/otsu.ts"
import { definePreprocessor } from "./preprocessor.ts"

export const binary = definePreprocessor({
  help: "Black where the luma is above a threshold, white elsewhere: dark lines become white.",
  options: {
    threshold: {
      ...{ integer: true, min: 0, max: 255, default: 0 },
      help: "The highest luma that becomes white. 0 and 255 find it by Otsu's method.",
    },
  },
  run(image, { threshold }) {
    const grey = rgbToGrey(image)
    const highest = threshold === 0 || threshold === 255 ? otsuThreshold(grey) : threshold
    return mapBytes(grey, (byte) => (byte > highest ? 0 : 255))
  },
})
