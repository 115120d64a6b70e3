import { basename } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { fitImage } from "@lllite/core/image"
import type { Seed } from "@lllite/core/names"
import { checkArgument } from "@lllite/core/names"
import { createPythonRandom } from "@lllite/core/random"
import { fitPair } from "../dataset/fit-pair.ts"
import { mapInParallel } from "../dataset/in-parallel.ts"
import { InputError } from "../errors.ts"
import { blankImage } from "../images/canvas.ts"
import { contactSheet } from "../images/contact-sheet.ts"
import { readImage } from "../images/read-image.ts"
import { controlTone } from "./control-tone.ts"
import type { ReportedPair } from "./report.ts"

export interface PairSheetOptions {
  readonly title: string
  /** The most pairs that are drawn. */
  readonly count: number
  /** Chooses the pairs. */
  readonly seed: Seed
  /** Stops the work between two pairs. */
  readonly signal?: AbortSignal
}

/** Pixels of a picture's longest side on the sheet. */
const SIDE = 192
/** The colour of lines over a picture. */
const LINES = [255, 0, 170] as const

/** The pairs of a sheet: those with findings first. What is left is chosen by the seed. In the order of the data set. */
export function chooseForSheet(
  pairs: readonly ReportedPair[],
  { count, seed }: Pick<PairSheetOptions, "count" | "seed">,
): readonly ReportedPair[] {
  const random = createPythonRandom(seed)
  const take = (from: readonly number[], most: number): readonly number[] =>
    from.length <= most ? from : random.sample(from, most).toSorted((a, b) => a - b)
  const indexes = pairs.map((_, index) => index)
  const found = take(
    indexes.filter((index) => pairs[index]?.kinds.length !== 0),
    count,
  )
  const plain = take(
    indexes.filter((index) => pairs[index]?.kinds.length === 0),
    count - found.length,
  )
  return [...found, ...plain].flatMap((index) => pairs[index] ?? [])
}

/**
 * Draws pairs as training sees them, fitted: the picture, its control, and the control over the picture. What cannot be
 * read is grey. Pairs with findings come first, with the kinds of these.
 *
 * @param pairs at least one
 * @throws InputError when there is none; the signal's reason when aborted
 */
export async function pairSheet(pairs: readonly ReportedPair[], options: PairSheetOptions): Promise<RgbImage> {
  checkArgument("pairSheet: the pairs", pairs, "a list")
  checkArgument("pairSheet: the options", options, "an object")
  if (pairs.length === 0) {
    throw new InputError("contact-sheet", "pair sheet: there is no pair to show. The findings of the report say why.")
  }
  const rows = await mapInParallel(chooseForSheet(pairs, options), async (pair) => {
    options.signal?.throwIfAborted()
    return { images: await drawPair(pair), caption: [basename(pair.image), ...pair.kinds].join("  ") }
  })
  const columns = ["picture", "control", "control over picture"]
  return contactSheet({ title: options.title, columns, rows, across: Math.min(3, Math.ceil(rows.length / 4)) })
}

async function drawPair({ image: imagePath, control: controlPath, fit }: ReportedPair): Promise<readonly RgbImage[]> {
  const read = (path: string): Promise<RgbImage | null> => readImage(path).catch(() => null)
  const [image, control] = await Promise.all([read(imagePath), read(controlPath)])
  if (image === null || control === null) {
    return [cell(image), cell(control), cell(null)]
  }
  const fitted = fit === null ? { image, control } : fitPair({ image, control }, fit, null)
  const over = fit === null ? null : overlay(cell(fitted.image), cell(fitted.control))
  return [cell(fitted.image), cell(fitted.control), over ?? cell(null)]
}

/** A picture in a square. Null: a grey one. */
function cell(image: RgbImage | null): RgbImage {
  if (image === null) return blankImage(SIDE, SIDE, [200, 200, 200])
  return fitImage(image, { width: SIDE, height: SIDE }, "pad")
}

/** A control over its picture: lines in one colour, and half of any other control. */
function overlay(image: RgbImage, control: RgbImage): RgbImage {
  const { ground } = controlTone(control)
  const data = image.data.slice()
  for (let at = 0; at < data.length; at += 3) {
    const brightness = Math.max(...control.data.subarray(at, at + 3)) / 255
    const lines = ground === "light" ? 1 - brightness : brightness
    for (let channel = 0; channel < 3; channel++) {
      const [below, over] = [image.data[at + channel] as number, control.data[at + channel] as number]
      const isLines = ground !== "other"
      const share = isLines ? lines : 0.5
      data[at + channel] = Math.round(below * (1 - share) + (isLines ? (LINES[channel] as number) : over) * share)
    }
  }
  return { ...image, data }
}
