import { preprocessingText } from "@lllite/core/image"
import type { AdapterRecipe, Recipe, RecipeInput } from "@lllite/core/recipe"
import { createRecipe, shareableRecipe } from "@lllite/core/recipe"
import { BUILT_IN } from "../controls/lllites.ts"
import { FIRST_RECIPE } from "../draw/recipe-state.ts"

/** The file of the built-in LLLite in the package `@lllite/tiny`. */
const BUILT_IN_FILE = "lllite-canny.safetensors"
const KEY = "recipe="
/** The longest link that is read. A recipe of this page has about a thousand characters. */
const MOST_LINK = 20_000

/** The command that makes the picture, for a POSIX shell. Pictures and LLLites are named, and have to lie there. */
export function commandOf(recipe: Recipe): string {
  const { prompt, negativePrompt, seed, steps, guidanceScale, sampler, adapters } = recipe
  const list = (name: string, values: readonly (string | number)[]): string[] =>
    values.length === 0 ? [] : [`--${name} ${values.map((value) => quoted(String(value))).join(" ")}`]
  const parts = [
    "lllite generate --ckpt tiny",
    `--prompt ${quoted(prompt)}`,
    ...(negativePrompt === "" ? [] : [`--negative_prompt ${quoted(negativePrompt)}`]),
    `--seed ${seed} --steps ${steps} --scale ${guidanceScale} --sampler ${sampler}`,
    ...list("control_net_lllite_models", adapters.map(fileOf)),
    ...list("guide_image_path", adapters.map(pictureOf)),
    ...list("control_net_preps", adapters.map(preprocessorOf)),
    ...list(
      "control_net_multipliers",
      adapters.map(({ strength }) => strength),
    ),
    ...list(
      "lllite_starts",
      adapters.map(({ window }) => window.start),
    ),
    ...list(
      "control_net_ratios",
      adapters.map(({ window }) => window.end),
    ),
    ...(adapters.some(({ curve }) => curve !== undefined) ? list("lllite_curves", adapters.map(curveOf)) : []),
  ]
  return parts.join(" \\\n  ")
}

/** A script for Node that makes the picture with `@lllite/runtime-node`. */
export function codeOf(recipe: Recipe): string {
  const shared = shareableRecipe(recipe)
  const adapters = shared.adapters.map((one) => ({
    ...one,
    file: { path: fileOf(one) },
    control: one.control === null ? null : { ...one.control, file: { path: pictureOf(one) } },
  }))
  const json = JSON.stringify(inputOf({ ...shared, adapters }), null, 2)
  return `import { adapterOptions, createRecipe, recipeText, requestOf } from "@lllite/core/recipe"
import { createNodeRuntime, readImage, writePng } from "@lllite/runtime-node"

const recipe = createRecipe(${json})
const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl(recipe.model.checkpoint.path)
const adapters = []
for (const use of recipe.adapters) {
  const { file, fit, preprocess } = use.control
  adapters.push({
    adapter: await runtime.loadAdapter(use.file.path, sdxl),
    control: await readImage(file.path),
    fit,
    preprocess,
    ...adapterOptions(use),
  })
}
const { request, options } = requestOf(recipe)
for await (const event of sdxl.generate([request], { ...options, adapters })) {
  if (event.kind === "image") await writePng("picture.png", event.image, recipeText(recipe))
}
await runtime.dispose()
`
}

/** The address of the page with the settings of a recipe behind its `#`, which no server is sent. No picture is in it. */
export function linkOf(recipe: Recipe, page: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(inputOf(shareableRecipe(recipe))))
  const text = btoa(String.fromCharCode(...bytes))
  const url = new URL(page)
  url.hash = KEY + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
  return url.href
}

/** The recipe of a link. Null: it has none. @throws Error for one that is damaged */
export function readLink(hash: string): Recipe | null {
  const text = hash.replace(/^#/, "")
  if (!text.startsWith(KEY)) return null
  try {
    if (text.length > MOST_LINK) throw new Error("it is too long")
    const packed = atob(text.slice(KEY.length).replaceAll("-", "+").replaceAll("_", "/"))
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0))
    const found: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
    return createRecipe(found as RecipeInput)
  } catch (cause) {
    throw new Error(
      `The settings of this link cannot be read: ${cause instanceof Error ? cause.message : cause}. Copy the whole link.`,
      { cause },
    )
  }
}

/** What differs from the recipe with which the page opens, and what every recipe needs. */
function inputOf(recipe: Recipe): RecipeInput {
  const { prompt, seed, width, height, model, adapters } = recipe
  const changed = Object.entries(recipe).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(DEFAULTS[name as keyof Recipe]),
  )
  return {
    ...Object.fromEntries(changed),
    ...{ prompt, seed, width, height, adapters },
    model: { checkpoint: model.checkpoint },
  }
}

const { width, height } = FIRST_RECIPE
const DEFAULTS = createRecipe({ prompt: "", seed: 0, width, height, model: { checkpoint: { path: "tiny" } } })

function fileOf({ file }: AdapterRecipe): string {
  return file.path === BUILT_IN ? BUILT_IN_FILE : file.path
}

function pictureOf({ control }: AdapterRecipe): string {
  const path = control?.file.path ?? "drawing"
  return path.includes(".") ? path : `${path}.png`
}

function preprocessorOf({ control }: AdapterRecipe): string {
  return control?.preprocess === undefined ? "none" : preprocessingText(control.preprocess)
}

function curveOf({ curve }: AdapterRecipe): string {
  const points = (curve ?? []).map((point) =>
    "at" in point ? `${point.at}:${point.strength}` : `sigma${point.sigma}:${point.strength}`,
  )
  return points.length === 0 ? "none" : points.join(",")
}

/** A word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
