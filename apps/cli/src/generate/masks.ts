import type { RgbImage } from "@lllite/core/image"
import { greyToRgb, resizeImage } from "@lllite/core/image"
import type { AdapterRecipe, MaskReference, Recipe } from "@lllite/core/recipe"
import { readAlphaMask, readImage } from "@lllite/runtime-node"

/** The mask of an adapter of a picture, in the picture's size. Undefined: it acts everywhere. */
export type Masks = (
  adapter: Pick<AdapterRecipe, "mask">,
  size: Pick<Recipe, "width" | "height">,
) => RgbImage | undefined

/**
 * Reads the masks of pictures. One of another size is stretched, with a notice.
 *
 * @throws InputError for a mask that cannot be read
 */
export async function readMasks(recipes: readonly Recipe[], say: (notice: string) => void): Promise<Masks> {
  const images = new Map<string, RgbImage>()
  const fitted = new Map<string, RgbImage>()
  for (const { adapters, width, height } of recipes) {
    for (const { mask } of adapters) {
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

async function readMask({ file: { path }, channel }: MaskReference): Promise<RgbImage> {
  return channel === "alpha" ? greyToRgb(await readAlphaMask(path)) : readImage(path)
}

/** A name for what is read of a mask's picture. */
function nameOf({ file: { path }, channel }: MaskReference): string {
  return channel === undefined ? path : `${channel} of ${path}`
}

function keyOf(path: string, { width, height }: Pick<Recipe, "width" | "height">): string {
  return `${width}x${height} ${path}`
}
