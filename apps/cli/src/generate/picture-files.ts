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
}

/** The numbered pictures of a folder. */
export interface PictureFiles {
  /** The number of pictures that are written. */
  readonly written: number
  /** Writes a picture under the next free number. @returns its path @throws InputError */
  write(picture: PictureToWrite, text: PngText): Promise<string>
  /** Writes the picture of a first stage, under the name of its picture with `_first`. @returns its path @throws InputError */
  writeFirstStage(picture: PictureToWrite, text: PngText): Promise<string>
}

/** The longest name that a picture can have. */
const LONGEST = nameOf(999_999, 2n ** 64n - 1n)

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
 */
export function createPictureFiles(outdir: string): PictureFiles {
  let first: number | null = null
  let written = 0
  return {
    get written() {
      return written
    },
    async writeFirstStage({ index, fileName, seed, image }, text) {
      first ??= await nextNumber(outdir)
      const name = (fileName ?? nameOf(first + index, seed)).replace(/\.png$/, "_first.png")
      return writePng(join(outdir, name), image, text, { existing: "rename" })
    },
    async write({ index, fileName, seed, image }, text) {
      if (fileName !== null) {
        const path = await writePng(join(outdir, fileName), image, text, { existing: "rename" })
        written += 1
        return path
      }
      for (;;) {
        first ??= await nextNumber(outdir)
        try {
          const path = await writePng(join(outdir, nameOf(first + index, seed)), image, text, { existing: "refuse" })
          written += 1
          return path
        } catch (error) {
          if (!(error instanceof InputError) || error.code !== "output-exists") throw error
          first = Math.max(first + 1, (await nextNumber(outdir)) - index)
        }
      }
    },
  }
}

function nameOf(number: number, seed: Seed): string {
  return `im_${String(number).padStart(6, "0")}_${seed}.png`
}

/** The first number after those of the folder's pictures. */
async function nextNumber(folder: string): Promise<number> {
  // A folder that is missing is made with the first picture. One that may not be listed has unknown numbers.
  const names = await readdir(folder).catch(() => [])
  const numbers = names.map((name) => Number(/^im_(\d{1,9})_\d+\.png$/.exec(name)?.[1] ?? -1))
  return numbers.reduce((most, number) => Math.max(most, number), -1) + 1
}
