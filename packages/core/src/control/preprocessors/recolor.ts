import { brightest, gammaByte, lightness, mapBytes } from "../filters/colours.ts"
import { definePreprocessor } from "./preprocessor.ts"

const gamma = { min: 0.1, max: 2, default: 1, help: "Power of the grey. Above 1 it gets darker." } as const

export const recolorLuminance = definePreprocessor({
  help: "The lightness without colour, for an LLLite that colours: L* of CIELAB.",
  aliases: ["recolor", "recolour"],
  options: {
    gamma,
    bgr: { default: false, help: "Take red for blue and blue for red, as sd-webui-controlnet does." },
  },
  run: (image, { gamma, bgr }) => mapBytes(lightness(image, bgr ? "bgr" : "rgb"), (byte) => gammaByte(byte, gamma)),
})

export const recolorIntensity = definePreprocessor({
  help: "The intensity without colour, for an LLLite that colours: V of HSV.",
  options: { gamma },
  run: (image, { gamma }) => mapBytes(brightest(image), (byte) => gammaByte(byte, gamma)),
})
