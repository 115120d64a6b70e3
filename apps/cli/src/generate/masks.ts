import type { PartUse } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import { greyToRgb, resizeImage } from "@lllite/core/image"
import type { MaskReference, Recipe } from "@lllite/core/recipe"
import { readAlphaMask, readImage } from "@lllite/runtime-node"

/** The mask of an adapter or of a part of a prompt, in the picture's size. Undefined: it acts everywhere. */
export type Masks = (masked: Masked, size: Pick<Recipe, "width" | "height">) => RgbImage | undefined

/** What may have a mask. */
interface Masked {
  readonly mask?: Omit<MaskReference, "feather">
}

/** The parts of a recipe's prompt, with their masks. Null: it has no settings of parts. */
export function partsOf(recipe: Recipe, masks: Masks): readonly PartUse[] | null {
  if (recipe.parts === undefined) return null
  return recipe.parts.map((part) => {
    const { mask: _, ...settings } = part
    const mask = masks(part, recipe)
    return { ...settings, ...(mask === undefined ? {} : { mask }) }
  })
}

/**
 * Reads the masks of pictures. One of another size is stretched, with a notice.
 *
 * @throws InputError for a mask that cannot be read
 */
export async function readMasks(recipes: readonly Recipe[], say: (notice: string) => void): Promise<Masks> {
  const images = new Map<string, RgbImage>()
  const fitted = new Map<string, RgbImage>()
  for (const { adapters, parts = [], width, height } of recipes) {
    for (const { mask } of [...adapters, ...parts]) {
      if (mask === undefined) continue
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
  return ({ mask }, size) => (mask === undefined ? undefined : fitted.get(keyOf(nameOf(mask), size)))
}

async function readMask({ file: { path }, channel }: Omit<MaskReference, "feather">): Promise<RgbImage> {
  return channel === "alpha" ? greyToRgb(await readAlphaMask(path)) : readImage(path)
}

/** A name for what is read of a mask's picture. */
function nameOf({ file: { path }, channel }: Omit<MaskReference, "feather">): string {
  return channel === undefined ? path : `${channel} of ${path}`
}

function keyOf(path: string, { width, height }: Pick<Recipe, "width" | "height">): string {
  return `${width}x${height} ${path}`
}
