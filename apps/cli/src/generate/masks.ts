import type { RgbImage } from "@lllite/core/image"
import { resizeImage } from "@lllite/core/image"
import type { AdapterRecipe, Recipe } from "@lllite/core/recipe"
import { readImage } from "@lllite/runtime-node"

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
      const image = images.get(path) ?? (await readImage(path))
      images.set(path, image)
      const key = keyOf(path, { width, height })
      if (fitted.has(key)) continue
      if (image.width !== width || image.height !== height) {
        say(`The mask "${path}" is ${image.width}x${image.height} and is resized to ${width}x${height}.`)
      }
      const grows = image.width < width || image.height < height
      fitted.set(key, resizeImage(image, width, height, grows ? "lanczos" : "area"))
    }
  }
  return ({ mask }, size) => (mask === undefined ? undefined : fitted.get(keyOf(mask.file.path, size)))
}

function keyOf(path: string, { width, height }: Pick<Recipe, "width" | "height">): string {
  return `${width}x${height} ${path}`
}
