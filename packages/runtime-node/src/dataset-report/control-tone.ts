import type { RgbImage } from "@lllite/core/image"

/** The brightness of a control picture. */
export interface ControlTone {
  /** What most of it is. `other`: colours or shades of grey, as of a depth map or a blur. */
  readonly ground: "dark" | "light" | "other"
  /** The share of its pixels that are not of the ground's brightness, 0 to 1. 1 for `other`. */
  readonly drawn: number
}

/** Lines on a ground leave at least this share of it. */
const GROUND_SHARE = 0.6
/** The most pixels between dark and light that lines have, at their soft edges. */
const MIDDLE_SHARE = 0.25
/** The most pixels with a colour that a drawing in black and white has. JPEG makes some. */
const COLOUR_SHARE = 0.02
/** Differences of brightness, of 255, that are the same brightness. */
const SAME = 24
/** Differences of two channels, of 255, that make a colour. */
const COLOURED = 40

/** Measures whether a control is a drawing in black and white, and on which ground. */
export function controlTone({ data }: Pick<RgbImage, "data">): ControlTone {
  const pixels = data.length / 3
  let [dark, light, middle, coloured] = [0, 0, 0, 0]
  for (let at = 0; at < data.length; at += 3) {
    const [red, green, blue] = [data[at] as number, data[at + 1] as number, data[at + 2] as number]
    const [least, most] = [Math.min(red, green, blue), Math.max(red, green, blue)]
    if (most - least > COLOURED) coloured += 1
    if (most <= SAME) dark += 1
    else if (least >= 255 - SAME) light += 1
    else if (least >= 64 && most < 192) middle += 1
  }
  if (coloured > COLOUR_SHARE * pixels || middle > MIDDLE_SHARE * pixels) return OTHER
  if (dark >= GROUND_SHARE * pixels) return { ground: "dark", drawn: 1 - dark / pixels }
  if (light >= GROUND_SHARE * pixels) return { ground: "light", drawn: 1 - light / pixels }
  return OTHER
}

const OTHER: ControlTone = { ground: "other", drawn: 1 }
