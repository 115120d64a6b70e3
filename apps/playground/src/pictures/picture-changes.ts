import { type Sentence, sentence } from "../language/sentence.ts"

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

/** The changes, in the order of their sentences. */
const CHANGES = [
  "turned",
  "cropped",
  "transparent",
  "invisible",
  "stretched",
] as const satisfies readonly PictureChange[]

/** One sentence for each change, with the number of pictures and the name of the first. */
export function changeNotices(
  pictures: readonly { readonly name: string; readonly changes: readonly PictureChange[] }[],
): readonly Sentence[] {
  return CHANGES.flatMap((change) => {
    const names = pictures.flatMap(({ name, changes }) => (changes.includes(change) ? [name] : []))
    return names.length === 0 ? [] : [sentence("pictures", change, names)]
  })
}
