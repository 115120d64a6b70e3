import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import type { Seed } from "@lllite/core/names"
import type { PngText } from "@lllite/runtime-node"
import { InputError, tryOutputs, writePng } from "@lllite/runtime-node"
import type { PlannedPicture } from "./plan-pictures.ts"

/** A generated picture to write. */
export interface PictureToWrite {
  /** Its place among the pictures of the run. */
  readonly index: number
  /** The name that its prompt's line gives it. Null: a numbered name. */
  readonly fileName: string | null
  readonly seed: Seed
  readonly image: RgbImage
  /** Whether it is a picture of hires fix, which has two stages. */
  readonly hasStages: boolean
}

/** How pictures are named that have no name of their own: with their seeds, or by numbers alone as sd-scripts counts. */
export interface PictureNames {
  readonly isSequential: boolean
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
 * Writes pictures as `im_NUMBER_SEED.png`, as sd-scripts does, or under the names of their lines. Numbers begin after
 * those of the folder. No file is replaced, also if another program writes pictures into the folder at the same time. A
 * name that is taken gets a number: `name-2.png`.
 *
 * In a sequence they are `im_NUMBER.png` from 1. Pictures of hires fix have the digit of their stage before the number.
 *
 * Source of a sequence's names: sd-scripts `gen_img.py`, `sequential_file_name`.
 */
export function createPictureFiles(
  outdir: string,
  { isSequential }: PictureNames = { isSequential: false },
): PictureFiles {
  let first: number | null = null
  let written = 0
  const nextNumber = (): Promise<number> => numberAfter(outdir, isSequential)
  const nameOf = ({ index, seed, hasStages }: PictureToWrite, from: number, stage: 0 | 1): string =>
    isSequential ? sequenceName(from + index, hasStages ? stage : null) : seededName(from + index, seed)
  return {
    get written() {
      return written
    },
    async writeFirstStage(picture, text) {
      first ??= await nextNumber()
      const { fileName, image } = picture
      const name =
        fileName === null && isSequential
          ? nameOf(picture, first, 0)
          : (fileName ?? nameOf(picture, first, 0)).replace(/\.png$/, "_first.png")
      return writePng(join(outdir, name), image, text, { existing: "rename" })
    },
    async write(picture, text) {
      const { index, fileName, image } = picture
      if (fileName !== null) {
        const path = await writePng(join(outdir, fileName), image, text, { existing: "rename" })
        written += 1
        return path
      }
      for (;;) {
        first ??= await nextNumber()
        try {
          const path = await writePng(join(outdir, nameOf(picture, first, 1)), image, text, { existing: "refuse" })
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

/** @param stage the digit of a picture's stage. Null: it has one stage */
function sequenceName(number: number, stage: 0 | 1 | null): string {
  return `im_${stage ?? ""}${digits(number)}.png`
}

/** The first number after those of the folder's pictures, from 0, or in a sequence from 1. */
async function numberAfter(folder: string, isSequential: boolean): Promise<number> {
  // A folder that is missing is made with the first picture. One that may not be listed has unknown numbers.
  const names = await readdir(folder).catch(() => [])
  const pattern = isSequential ? /^im_[01]?(\d{6})\.png$/ : /^im_(\d{1,9})_\d+\.png$/
  const numbers = names.map((name) => Number(pattern.exec(name)?.[1] ?? -1))
  return numbers.reduce((most, number) => Math.max(most, number), isSequential ? 0 : -1) + 1
}
