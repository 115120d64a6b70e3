import { mapBytes } from "../filters/colours.ts"
import { definePreprocessor } from "./preprocessor.ts"

export const invert = definePreprocessor({
  help: "The negative: black lines on white become white lines on black.",
  options: {},
  run: (image) => mapBytes(image, (byte) => 255 - byte),
})
