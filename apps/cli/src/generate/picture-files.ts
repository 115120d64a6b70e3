import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import type { Seed } from "@lllite/core/names"
import type { PngText } from "@lllite/runtime-node"
import { InputError, tryOutputs, writePng, writeWebp } from "@lllite/runtime-node"
import type { PlannedPicture } from "./plan-pictures.ts"

/** A generated picture to write. */
export interface PictureToWrite {
  /** Its place among the pictures of the run. */
  readonly index: number
  /** Its place in its batch. */
  readonly place: number
  /** The name that its prompt's line gives it. Null: a numbered name. */
  readonly fileName: string | null
  readonly seed: Seed
  readonly image: RgbImage
  /** Whether it is a picture of hires fix, which has two stages. */
  readonly hasStages: boolean
}

/**
 * How pictures are named that have no name of their own: by number and seed, by numbers alone as sd-scripts counts, or by
 * time, place and seed as sd-scripts does without an option.
 */
export type Naming = "seeded" | "sequential" | "dated"

/** How the pictures of a run are named. */
export interface PictureNames {
  readonly naming: Naming
  /** The clock of dated names, which have the local time. Default: the system's */
  readonly now?: () => Date
}

/** The numbered pictures of a folder. */
export interface PictureFiles {
  /** The number of pictures that are written. */
  readonly written: number
  /** Writes a picture under the next free number. @returns its path @throws InputError */
  write(picture: PictureToWrite, text: PngText): Promise<string>
  /** Writes the picture of a first stage: `_first` in its name, or 0 before a number alone. @returns its path @throws InputError */
  writeFirstStage(picture: PictureToWrite, text: PngText): Promise<string>
}

/** The quality of WebP, from 0 to 100. Source: sd-scripts `gen_img.py` */
const WEBP_QUALITY = 100

/** The longest name that a picture can have. */
const LONGEST = seededName(999_999, 2n ** 64n - 1n)

/**
 * Tries whether pictures can be written, before anything is loaded.
 *
 * @throws InputError
 */
export async function tryPictures(outdir: string, pictures: readonly PlannedPicture[]): Promise<void> {
  const names = new Set([LONGEST, ...pictures.flatMap(({ fileName }) => fileName ?? [])])
  const paths = [...names].map((name) => join(outdir, name))
  // A PNG is rarely larger than its pixels.
  const bytes = pictures.reduce((most, { recipe }) => Math.max(most, 3 * recipe.width * recipe.height), 0)
  await tryOutputs(paths, { existing: "rename", bytes })
}

/**
 * Writes pictures as `im_NUMBER_SEED.png`, or under the names of their lines. Numbers begin after those of the folder.
 * No file is replaced, also if another program writes pictures into the folder at the same time. A name that is taken
 * gets a number: `name-2.png`.
 *
 * In a sequence they are `im_NUMBER.png` from 1. Dated ones are `im_YYYYMMDDhhmmss_PLACE_SEED.png`. In both, pictures of
 * hires fix have the digit of their stage before the number or the place.
 *
 * A name of a line that ends in `.webp` gives a WebP, which holds no text.
 *
 * Source of both kinds of names: sd-scripts `gen_img.py`.
 */
export function createPictureFiles(
  outdir: string,
  { naming, now = () => new Date() }: PictureNames = { naming: "seeded" },
): PictureFiles {
  let first: number | null = null
  let written = 0
  const nextNumber = (): Promise<number> => numberAfter(outdir, naming === "sequential")
  const nameOf = (picture: PictureToWrite, from: number, stage: 0 | 1): string => {
    const { index, place, seed, hasStages } = picture
    if (naming === "seeded") return seededName(from + index, seed)
    const digit = hasStages ? stage : ""
    return naming === "sequential" ? `im_${digit}${digits(from + index)}.png` : datedName(now(), digit, place, seed)
  }
  return {
    get written() {
      return written
    },
    async writeFirstStage(picture, text) {
      first ??= await nextNumber()
      const { fileName, image } = picture
      const name =
        fileName === null && naming !== "seeded"
          ? nameOf(picture, first, 0)
          : (fileName ?? nameOf(picture, first, 0)).replace(/\.(png|webp)$/, "_first.$1")
      return writePicture(join(outdir, name), image, text)
    },
    async write(picture, text) {
      const { index, fileName, image } = picture
      if (fileName !== null) {
        const path = await writePicture(join(outdir, fileName), image, text)
        written += 1
        return path
      }
      for (;;) {
        first ??= await nextNumber()
        try {
          // Two pictures of one seed in one second have the same dated name.
          const existing = naming === "dated" ? "rename" : "refuse"
          const path = await writePng(join(outdir, nameOf(picture, first, 1)), image, text, { existing })
          written += 1
          return path
        } catch (error) {
          if (!(error instanceof InputError) || error.code !== "output-exists") throw error
          first = Math.max(first + 1, (await nextNumber()) - index)
        }
      }
    },
  }
}

function digits(number: number): string {
  return String(number).padStart(6, "0")
}

function seededName(number: number, seed: Seed): string {
  return `im_${digits(number)}_${seed}.png`
}

function datedName(time: Date, stage: 0 | 1 | "", place: number, seed: Seed): string {
  const parts = [time.getMonth() + 1, time.getDate(), time.getHours(), time.getMinutes(), time.getSeconds()]
  const date = [time.getFullYear(), ...parts.map((part) => String(part).padStart(2, "0"))].join("")
  return `im_${date}_${stage}${String(place).padStart(3, "0")}_${seed}.png`
}

/** Writes a picture as the kind of file that its name says. */
function writePicture(path: string, image: RgbImage, text: PngText): Promise<string> {
  return path.endsWith(".webp")
    ? writeWebp(path, image, { quality: WEBP_QUALITY, existing: "rename" })
    : writePng(path, image, text, { existing: "rename" })
}

/** The first number after those of the folder's pictures, from 0, or in a sequence from 1. */
async function numberAfter(folder: string, isSequential: boolean): Promise<number> {
  // A folder that is missing is made with the first picture. One that may not be listed has unknown numbers.
  const names = await readdir(folder).catch(() => [])
  const pattern = isSequential ? /^im_[01]?(\d{6})\.png$/ : /^im_(\d{1,9})_\d+\.png$/
  const numbers = names.map((name) => Number(pattern.exec(name)?.[1] ?? -1))
  return numbers.reduce((most, number) => Math.max(most, number), isSequential ? 0 : -1) + 1
}
