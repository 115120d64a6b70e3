import { basename, extname } from "node:path"
import type { Recipe } from "@lllite/core/recipe"
import { InputError, listPictures, readImage } from "@lllite/runtime-node"

/** A picture to start from, with its mask. */
export interface StartFile {
  readonly image: string
  /** Null: everything changes. */
  readonly mask: string | null
  /** Of the picture, in pixels. */
  readonly width: number
  readonly height: number
}

/**
 * The pictures to start from, with their masks. One mask is for all. Masks of a folder have the names of their pictures.
 *
 * @throws InputError for a picture that cannot be read, or that lists pictures without a mask
 */
export async function readStartFiles(images: string, masks: string | undefined): Promise<readonly StartFile[]> {
  const paths = await listPictures([images])
  const maskPaths = masks === undefined ? [] : await listPictures([masks])
  const isOne = maskPaths.length === 1 && maskPaths[0] === masks
  const byName = new Map(maskPaths.map((path) => [stemOf(path), path]))
  const maskOf = (path: string): string | undefined => (isOne ? masks : byName.get(stemOf(path)))
  const without = masks === undefined ? [] : paths.filter((path) => maskOf(path) === undefined)
  if (without.length > 0) {
    const names = without.map((path) => `"${basename(path)}"`).join(", ")
    throw new InputError("file", `"${masks}" has no mask for ${names}. A mask has the name of its picture.`)
  }
  return Promise.all(
    paths.map(async (image) => {
      const { width, height } = await readImage(image)
      const mask = maskOf(image) ?? null
      if (mask !== null) await readImage(mask)
      return { image, mask, width, height }
    }),
  )
}

/** A file's name without its ending. */
export function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** What is said of start pictures that no picture of the run takes. */
export function startNotices(starts: readonly StartFile[], pictures: number): readonly string[] {
  if (pictures === 0 || pictures >= starts.length) return []
  return [
    `${pictures} of ${starts.length} start pictures are used, one for each picture of the run. For all, use --images_per_prompt ${starts.length}.`,
  ]
}

/** What is said of a masked content of the command that no picture has a mask for. */
export function contentNotices(recipes: readonly Pick<Recipe, "start">[], option: string): readonly string[] {
  if (recipes.length === 0 || recipes.some(({ start }) => start !== null && start.mask !== null)) return []
  return [`${option} has no effect without a start picture with a mask.`]
}

/** What is said of a strength of the command that no picture has a stage for. */
export function strengthNotices(
  recipes: readonly Pick<Recipe, "start" | "hires">[],
  option: string,
): readonly string[] {
  if (recipes.length === 0 || recipes.some(({ start, hires }) => start !== null || hires !== null)) return []
  return [`${option} has no effect without a start picture or hires fix.`]
}
