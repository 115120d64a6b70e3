import type { GenerateOptions, PartUse } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import { greyToRgb, resizeImage } from "@lllite/core/image"
import type { AdapterRecipe, HoleReference, Recipe } from "@lllite/core/recipe"
import { readAlphaMask, readImage } from "@lllite/runtime-node"

/** The picture of a mask or a hole, in the size of a picture. Undefined: there is none. */
export type Masks = (mask: HoleReference | undefined, size: Pick<Recipe, "width" | "height">) => RgbImage | undefined

/** The parts of a recipe's prompts, with their masks. Null: a prompt has no settings of parts. */
export function partsOf(recipe: Recipe, masks: Masks): Required<Pick<GenerateOptions, "parts" | "negativeParts">> {
  const withMasks = (parts: Recipe["parts"]): readonly PartUse[] | null => {
    if (parts === undefined) return null
    return parts.map(({ mask: reference, ...settings }) => {
      const mask = masks(reference, recipe)
      return { ...settings, ...(mask === undefined ? {} : { mask }) }
    })
  }
  return { parts: withMasks(recipe.parts), negativeParts: withMasks(recipe.negativeParts) }
}

/**
 * Reads the masks of adapters and of parts of prompts, and the holes of LLLites. One of another size is stretched, with a
 * notice.
 *
 * @throws InputError for a mask that cannot be read
 */
export async function readMasks(recipes: readonly Recipe[], say: (notice: string) => void): Promise<Masks> {
  const images = new Map<string, RgbImage>()
  const fitted = new Map<string, RgbImage>()
  for (const recipe of recipes) {
    const { width, height } = recipe
    for (const mask of masksOfRecipe(recipe)) {
      const { path } = mask.file
      const named = nameOf(mask)
      const image = images.get(named) ?? (await readMask(mask))
      images.set(named, image)
      const key = keyOf(named, { width, height })
      if (fitted.has(key)) continue
      if (image.width !== width || image.height !== height) {
        say(`The mask "${path}" is ${image.width}x${image.height} and is resized to ${width}x${height}.`)
      }
      const grows = image.width < width || image.height < height
      fitted.set(key, resizeImage(image, width, height, grows ? "lanczos" : "area"))
    }
  }
  return (mask, size) => (mask === undefined ? undefined : fitted.get(keyOf(nameOf(mask), size)))
}

/** The masks of a recipe's adapters and of the parts of its prompts, and the holes of its LLLites. */
export function masksOfRecipe({
  adapters,
  parts = [],
  negativeParts = [],
}: Pick<Recipe, "adapters" | "parts" | "negativeParts">): readonly HoleReference[] {
  return [...adapters.flatMap(masksOfAdapter), ...[...parts, ...negativeParts].flatMap(({ mask }) => mask ?? [])]
}

/** The mask and the hole of an adapter, of those that it has. */
function masksOfAdapter({ mask, hole }: Pick<AdapterRecipe, "mask" | "hole">): readonly HoleReference[] {
  return [mask ?? [], hole ?? []].flat()
}

async function readMask({ file: { path }, channel }: HoleReference): Promise<RgbImage> {
  return channel === "alpha" ? greyToRgb(await readAlphaMask(path)) : readImage(path)
}

/** A name for what is read of a mask's picture. */
function nameOf({ file: { path }, channel }: HoleReference): string {
  return channel === undefined ? path : `${channel} of ${path}`
}

function keyOf(path: string, { width, height }: Pick<Recipe, "width" | "height">): string {
  return `${width}x${height} ${path}`
}
