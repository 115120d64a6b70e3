import type { GreyImage, RgbImage } from "@lllite/core/image"
import { maskOf } from "@lllite/core/image"
import type { Recipe } from "@lllite/core/recipe"
import { startOptions } from "@lllite/core/recipe"
import type { GenerateRunOptions } from "@lllite/runtime-node"
import { examineImage, pictureNotices, readAlphaMask } from "@lllite/runtime-node"

type Start = NonNullable<GenerateRunOptions["start"]>

/** The start of pictures that differ in their prompts, seeds and pictures only. */
export type StartsOf = (recipes: readonly Recipe[]) => Promise<Start | null>

/** Reads pictures to start from and their masks. Each is read once for a run. */
export function createStarts(say: (notice: string) => void): StartsOf {
  const images = new Map<string, RgbImage>()
  const masks = new Map<string, GreyImage>()
  const alphas = new Map<string, GreyImage>()
  const said = new Set<string>()
  const sayOnce = (text: string): void => {
    if (!said.has(text)) say(text)
    said.add(text)
  }
  const fitted = (what: string, path: string, image: { width: number; height: number }, to: Recipe): void => {
    if (image.width === to.width && image.height === to.height) return
    sayOnce(`${what}"${path}" is ${image.width}x${image.height} and is resized to ${to.width}x${to.height}.`)
  }
  const imageAt = async (path: string): Promise<RgbImage> => {
    const known = images.get(path)
    if (known !== undefined) return known
    const { image, traits } = await examineImage(path)
    for (const text of pictureNotices([{ path, traits }])) sayOnce(text)
    images.set(path, image)
    return image
  }
  return async (recipes) => {
    const [first] = recipes
    if (first?.start == null) return null
    const list: { image: RgbImage; mask: GreyImage | null }[] = []
    // Pictures of other groups are not needed together.
    for (const path of [...images.keys()]) if (!recipes.some(({ start }) => usesFile(start, path))) images.delete(path)
    for (const recipe of recipes) {
      const { start } = recipe
      if (start === null) continue
      const image = await imageAt(start.image.path)
      fitted("", start.image.path, image, recipe)
      if (start.mask === null) {
        list.push({ image, mask: null })
        continue
      }
      const { path } = start.mask
      const known = start.maskChannel === "alpha" ? alphas : masks
      const mask =
        known.get(path) ?? (start.maskChannel === "alpha" ? await readAlphaMask(path) : maskOf(await imageAt(path)))
      known.set(path, mask)
      fitted("The mask ", path, mask, recipe)
      list.push({ image, mask })
    }
    const found = list.flatMap(({ mask }) => (mask === null ? [] : [mask]))
    return {
      ...startOptions(first.start),
      image: joined(list.map(({ image }) => image)),
      ...(found.length === 0 ? {} : { mask: joined(found) }),
    }
  }
}

/** One value if all are the same. */
function joined<T>(values: readonly T[]): readonly T[] {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values
}

function usesFile(start: Recipe["start"], path: string): boolean {
  return start !== null && (start.image.path === path || start.mask?.path === path)
}
