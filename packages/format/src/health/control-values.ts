import { expectMap } from "../argument.ts"
import type { LlliteFile } from "../lllite/read.ts"

/** Mean and variance of the values of control pictures, from -1 to 1. */
export interface ControlValues {
  readonly mean: number
  readonly variance: number
}

/** Values that are uniform from -1 to 1. */
export const NOISE: ControlValues = { mean: 0, variance: 1 / 3 }

/** White lines on black, which cover a twentieth of the picture. */
export const LINES: ControlValues = { mean: -0.9, variance: 0.19 }

/** Names of preprocessors that draw white lines on black. */
const LINE_DRAWINGS = /canny|edge|hed|line|mlsd|pidi|scribble|sketch|teed/i

/** The values of the controls that a file is made for, by the preprocessor in its metadata. Default: noise. */
export function controlValuesOf(file: Pick<LlliteFile, "metadata">): ControlValues {
  expectMap("the metadata", file?.metadata)
  const { metadata } = file
  return LINE_DRAWINGS.test(metadata.get("modelspec.preprocessor") ?? "") ? LINES : NOISE
}
