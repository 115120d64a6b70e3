import { countedNotice } from "@lllite/core/names"

/** What a fitted picture does not show of its file. */
export type PictureChange = "turned" | "cropped" | "transparent" | "invisible" | "stretched"

/** The part of a side that may be cut off without a notice. A scan is never quite square. */
const SLIGHT = 0.02

/** What fitting a picture into a square changes. rgba: four bytes for each pixel */
export function changesOf(width: number, height: number, rgba: Uint8ClampedArray): readonly PictureChange[] {
  const isCropped = Math.min(width, height) < (1 - SLIGHT) * Math.max(width, height)
  let [isOpaque, isVisible] = [true, false]
  for (let at = 3; at < rgba.length; at += 4) {
    if (rgba[at] !== 255) isOpaque = false
    if (rgba[at] !== 0) isVisible = true
  }
  return [
    ...(isCropped ? (["cropped"] as const) : []),
    ...(isVisible ? (isOpaque ? [] : (["transparent"] as const)) : (["invisible"] as const)),
  ]
}

const SENTENCES: readonly (readonly [change: PictureChange, sentence: (subject: string, isOne: boolean) => string])[] =
  [
    [
      "turned",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} an EXIF orientation, and ${isOne ? "is" : "are"} turned as viewers show ${isOne ? "it" : "them"}.`,
    ],
    ["cropped", (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not square. Only the middle is used.`],
    ["transparent", (subject, isOne) => `${subject} ${isOne ? "has" : "have"} transparent pixels. They become white.`],
    [
      "invisible",
      (subject, isOne) => `${subject} ${isOne ? "is" : "are"} wholly transparent, and therefore white here.`,
    ],
    [
      "stretched",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} another shape than ${isOne ? "its picture" : "their pictures"}. ${isOne ? "It is" : "Each is"} stretched onto the picture.`,
    ],
  ]

/** One sentence for each change, with the number of pictures and the name of the first. */
export function changeNotices(
  pictures: readonly { readonly name: string; readonly changes: readonly PictureChange[] }[],
): readonly string[] {
  return SENTENCES.flatMap(([change, sentence]) =>
    countedNotice(
      pictures.flatMap(({ name, changes }) => (changes.includes(change) ? [name] : [])),
      "pictures",
      sentence,
    ),
  )
}
