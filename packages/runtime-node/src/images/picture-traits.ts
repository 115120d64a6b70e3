import { checkArgument, countedNotice } from "@lllite/core/names"
import type { Metadata } from "sharp"

/**
 * What a picture's file says or holds, and what does not reach its pixels here:
 *
 * - `turned`: an orientation in EXIF
 * - `hidden`: alpha over a single colour, as of line art on a transparent ground
 * - `transparent`: alpha below 255 over several colours
 * - `cmyk`: colours of print
 * - `deep`: sixteen bits a channel
 * - `profile`: a colour profile that is not sRGB's
 * - `animated`: further frames
 */
export type PictureTrait = "turned" | "hidden" | "transparent" | "cmyk" | "deep" | "profile" | "animated"

/** A picture with its traits. */
export interface PictureWithTraits {
  readonly path: string
  readonly traits: readonly PictureTrait[]
}

/** What a picture's header says. */
export function headerTraits({ orientation = 1, space, depth, icc, pages = 1 }: Metadata): readonly PictureTrait[] {
  return [
    ...(orientation > 1 && orientation <= 8 ? (["turned"] as const) : []),
    ...(space === "cmyk" ? (["cmyk"] as const) : []),
    ...(depth === "ushort" || depth === "float" ? (["deep"] as const) : []),
    ...(icc !== undefined && space !== "cmyk" && !isSrgbProfile(icc) ? (["profile"] as const) : []),
    ...(pages > 1 ? (["animated"] as const) : []),
  ]
}

/** What the alpha of a picture hides or lets through. rgba: four bytes a pixel */
export function pixelTraits(rgba: Uint8Array): readonly PictureTrait[] {
  let isOpaque = true
  let isOneColour = true
  for (let at = 0; at < rgba.length; at += 4) {
    if (rgba[at + 3] !== 255) isOpaque = false
    if (rgba[at] !== rgba[0] || rgba[at + 1] !== rgba[1] || rgba[at + 2] !== rgba[2]) isOneColour = false
    if (!isOpaque && !isOneColour) return ["transparent"]
  }
  return isOpaque ? [] : ["hidden"]
}

/**
 * One notice for each trait, with the number of pictures that have it and the first one's name.
 *
 * @param pictures all pictures that are read, in order
 */
export function pictureNotices(pictures: readonly PictureWithTraits[]): readonly string[] {
  checkArgument("pictureNotices: the pictures", pictures, "a list")
  return NOTICES.flatMap(([trait, sentence]) =>
    countedNotice(
      pictures.flatMap(({ path, traits }) => (traits.includes(trait) ? [path] : [])),
      "pictures",
      sentence,
    ),
  )
}

const NOTICES: readonly (readonly [trait: PictureTrait, sentence: (subject: string, isOne: boolean) => string])[] = [
  [
    "turned",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} an EXIF orientation, which is not applied. Viewers show the picture turned. ` +
      "Many programs turn it when they make a control. Save it turned, without the orientation.",
  ],
  [
    "hidden",
    (subject, isOne) =>
      `${subject} ${isOne ? "is" : "are"} one colour without alpha. Alpha is dropped, and all that was drawn is in it. ` +
      "Save the picture on a ground, without transparency.",
  ],
  [
    "transparent",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} transparent pixels. Alpha is dropped, so the colours below it appear. ` +
      "Save the picture on a ground if this is not wanted.",
  ],
  [
    "cmyk",
    (subject, isOne) =>
      `${subject} ${isOne ? "is" : "are"} CMYK and converted to RGB without a colour profile. Colours change. Save it as RGB.`,
  ],
  ["deep", (subject, isOne) => `${subject} ${isOne ? "has" : "have"} 16 bits a channel, reduced to 8.`],
  [
    "profile",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} a colour profile other than sRGB, which is not applied. Convert it to sRGB if colours matter.`,
  ],
  [
    "animated",
    (subject, isOne) => `${subject} ${isOne ? "is an animation" : "are animations"}. Only the first frame is read.`,
  ],
]

/** Profiles of sRGB say so in their description, as ASCII or as UTF-16. "c2" is the small one of web services. */
function isSrgbProfile(icc: Buffer): boolean {
  return /sRGB|s\0R\0G\0B|desc[\s\S]{0,24}c2/.test(icc.toString("latin1"))
}
