import type { RgbImage } from "@lllite/core/image"
import type { AdapterRecipe, Recipe } from "@lllite/core/recipe"
import type { AdapterHandleUse } from "@lllite/runtime-node"
import { examineImage, InputError, pictureNotices } from "@lllite/runtime-node"

/** The controls of an adapter, as a runtime takes them. */
export type ControlUse = Pick<AdapterHandleUse, "control" | "fit" | "preprocess">

/** Reads the control pictures of pictures that are made in one run. */
export type Controls = (recipes: readonly Recipe[]) => Promise<readonly ControlUse[]>

/** Pictures that are kept for the next run. */
const KEPT = 8

/** A reader of control pictures. What is changed or dropped is said once for each file. */
export function createControls(say: (notice: string) => void): Controls {
  const kept = new Map<string, RgbImage>()
  const said = new Set<string>()
  const sayOnce = (text: string): void => {
    if (said.has(text)) return
    said.add(text)
    say(text)
  }
  const read = async (path: string): Promise<RgbImage> => {
    const known = kept.get(path)
    if (known !== undefined) return known
    const { image, traits } = await examineImage(path)
    for (const text of pictureNotices([{ path, traits }])) sayOnce(text)
    kept.set(path, image)
    const [oldest = ""] = kept.keys()
    if (kept.size > KEPT) kept.delete(oldest)
    return image
  }
  return async (recipes) => {
    const uses: ControlUse[] = []
    for (const [i, adapter] of (recipes[0]?.adapters ?? []).entries()) {
      const { fit, preprocess } = controlOf(adapter)
      const images = new Map<string, RgbImage>()
      for (const recipe of recipes) {
        const { path } = controlOf(recipe.adapters[i] ?? adapter).file
        const image = images.get(path) ?? (await read(path))
        images.set(path, image)
        const notice = fitNotice(path, image, recipe, fit)
        if (notice !== null) sayOnce(notice)
      }
      const paths = recipes.map(({ adapters }) => controlOf(adapters[i] ?? adapter).file.path)
      const list = paths.map((path) => images.get(path) as RgbImage)
      const control = images.size === 1 ? (list[0] as RgbImage) : list
      uses.push({ control, fit, ...(preprocess === undefined ? {} : { preprocess }) })
    }
    return uses
  }
}

function controlOf({ control, file }: AdapterRecipe): NonNullable<AdapterRecipe["control"]> {
  if (control !== null) return control
  throw new InputError("control-missing", `"${file.path}" has no control picture. Expected one for each LLLite.`)
}

/** What is said of a control of another size. */
function fitNotice(
  path: string,
  { width, height }: RgbImage,
  size: Pick<Recipe, "width" | "height">,
  fit: AdapterHandleUse["fit"],
): string | null {
  if (width === size.width && height === size.height) return null
  const isOtherShape = width * size.height !== height * size.width
  const how =
    !isOtherShape || fit === "stretch" ? "resized" : fit === "crop" ? "cropped and resized" : "resized and padded"
  const advice = isOtherShape && fit === "stretch" ? " This changes its shape. --guide_fit crop or pad keeps it." : ""
  return `"${path}" is ${width}x${height} and is ${how} to ${size.width}x${size.height}.${advice}`
}
