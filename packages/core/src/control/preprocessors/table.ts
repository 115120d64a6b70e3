import { binary } from "./binary.ts"
import { blurGaussian } from "./blur-gaussian.ts"
import { cannyPreprocessor } from "./canny.ts"
import { colorGrid } from "./color-grid.ts"
import { invert } from "./invert.ts"
import { lineartStandard } from "./lineart-standard.ts"
import { recolorIntensity, recolorLuminance } from "./recolor.ts"
import { scribbleXdog } from "./scribble-xdog.ts"
import { shuffle } from "./shuffle.ts"
import { nms, thin } from "./thin.ts"
import { threshold } from "./threshold.ts"
import { tileResample } from "./tile-resample.ts"

/** All preprocessors, by sd-webui-controlnet's names. */
export const PREPROCESSORS = {
  canny: cannyPreprocessor,
  scribble_xdog: scribbleXdog,
  lineart_standard: lineartStandard,
  invert,
  blur_gaussian: blurGaussian,
  tile_resample: tileResample,
  recolor_luminance: recolorLuminance,
  recolor_intensity: recolorIntensity,
  color_grid: colorGrid,
  shuffle,
  threshold,
  binary,
  thin,
  nms,
} as const

export type PreprocessorName = keyof typeof PREPROCESSORS

/** The names, in the order of help. */
export const PREPROCESSOR_NAMES = Object.keys(PREPROCESSORS) as readonly PreprocessorName[]

/** The name of an option that any of them has. */
export type PreprocessorOptionName = {
  [Kind in PreprocessorName]: keyof (typeof PREPROCESSORS)[Kind]["options"] & string
}[PreprocessorName]
