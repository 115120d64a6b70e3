import type { RgbImage } from "@lllite/core/image"
import { createRecipe, type PictureText, type Recipe, readPictureText, recipeText } from "@lllite/core/recipe"
import { encodePng, readImage, readPngInfo } from "@lllite/runtime-web"
import type { NamedPicture } from "../controls/control-state.ts"
import type { Origin } from "../draw/result.ts"
import { sheetSide } from "../draw/sheet-state.ts"
import { PageError, remark, type Sentence, sentence } from "../language/sentence.ts"
import { fitSquare } from "../pictures/fit-square.ts"

/** The keyword of the drawing in the text of a picture of this page: a PNG as base64. */
const DRAWING = "lllite-drawing"
/** The keyword of the picture that the control of an index follows. */
const START = "lllite-start"
const START_MASK = "lllite-start-mask"
const controlKeyword = (index: number): string => `lllite-control-${index}`

/** What a picture file says of how it was made. */
export interface MadePicture {
  readonly program: PictureText["program"]
  readonly recipe: Recipe
  readonly drawing: RgbImage | null
  readonly pictures: Origin["pictures"]
  readonly start: Origin["start"]
  readonly notices: readonly Sentence[]
}

/** A PNG of a picture with all that it follows from, so that the page can make it again. */
export async function pngOf(image: RgbImage, { recipe, drawing, pictures, start }: Origin): Promise<Blob> {
  const text = new Map(recipeText(recipe))
  text.set(DRAWING, base64(await encodePng(drawing)))
  for (const [index, picture] of pictures.entries()) {
    if (picture !== null) text.set(controlKeyword(index), base64(await encodePng(picture.image)))
  }
  // A picture that was kept by an earlier version of the page has no start.
  if (start != null) text.set(START, base64(await encodePng(start.image)))
  if (start?.mask != null) text.set(START_MASK, base64(await encodePng(start.mask)))
  return new Blob([await encodePng(image, text)], { type: "image/png" })
}

/**
 * Reads how a picture was made: by this page, by LLLite, ComfyUI, stable-diffusion-webui or sd-scripts.
 *
 * @returns null for a file that says nothing of it
 * @throws Error when it says something that cannot be read
 */
export async function readMadePicture(file: Blob): Promise<MadePicture | null> {
  const info = await readPngInfo(file)
  if (info === null || !["lllite-recipe", "parameters", "prompt", "workflow"].some((name) => info.text.has(name))) {
    return null
  }
  const { program, recipes, notices } = readPictureText(info.text, info)
  const [first, ...others] = recipes
  if (first === undefined) throw new PageError(sentence("pictures", "noPictureInWorkflow"))
  const recipe = createRecipe(first)
  const image = async (keyword: string): Promise<RgbImage | null> => {
    const text = info.text.get(keyword)
    return text === undefined ? null : readImage(unpacked(text))
  }
  const startImage = await image(START)
  const pictures = recipe.adapters.map(async ({ control }, index): Promise<NamedPicture | null> => {
    const found = await image(controlKeyword(index))
    return found === null ? null : { name: control?.file.path ?? "control", image: found }
  })
  const more = others.length === 0 ? [] : [sentence("pictures", "severalInWorkflow")]
  return {
    ...{ program, recipe, drawing: sheetOf(await image(DRAWING)), pictures: await Promise.all(pictures) },
    start: startImage === null ? null : { image: startImage, mask: await image(START_MASK) },
    notices: [...notices.map(remark), ...more],
  }
}

/** A drawing as the sheet takes it. */
function sheetOf(drawing: RgbImage | null): RgbImage | null {
  if (drawing === null) return null
  const { width, height } = drawing
  const side = sheetSide(Math.min(width, height))
  return width === side && height === side ? drawing : fitSquare(drawing, side)
}

function base64(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

function unpacked(text: string): Blob {
  return new Blob([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))])
}
