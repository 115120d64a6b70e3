import { preprocessingText } from "@lllite/core/image"
import type { AdapterRecipe, Recipe, RecipeInput } from "@lllite/core/recipe"
import { createRecipe, shareableRecipe } from "@lllite/core/recipe"
import { BUILT_IN } from "../controls/networks.ts"
import { FIRST_RECIPE } from "../draw/recipe-state.ts"
import { PageError, problemOf, sentence } from "../language/sentence.ts"

/** The file of the built-in LLLite in the package `@lllite/tiny`. */
const BUILT_IN_FILE = "lllite-canny.safetensors"
const KEY = "recipe="
/** The longest link that is read. A recipe of this page has about a thousand characters. */
const MOST_LINK = 20_000

/** The command that makes the picture, for a POSIX shell. Pictures and LLLites are named, and have to lie there. */
export function commandOf(recipe: Recipe): string {
  const { prompt, negativePrompt, seed, steps, guidanceScale, sampler, adapters } = recipe
  const { model, loras, start, hires, tiles, width, height } = recipe
  const { path } = model.checkpoint
  const isPlain = path === "tiny" && width === FIRST_RECIPE.width && height === FIRST_RECIPE.height
  const isUnion = adapters.some(({ controlType }) => controlType !== undefined)
  const list = (name: string, values: readonly (string | number)[]): string[] =>
    values.length === 0 ? [] : [`--${name} ${values.map((value) => quoted(String(value))).join(" ")}`]
  const parts = [
    `lllite generate --ckpt ${quoted(path)}`,
    ...(model.vae === undefined ? [] : [`--vae ${quoted(model.vae.path)}`]),
    ...(isPlain ? [] : [`--W ${width} --H ${height}`]),
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
    ...(isUnion
      ? list(
          "control_net_types",
          adapters.map(({ controlType = "none" }) => controlType),
        )
      : []),
    ...(start === null ? [] : [`--image_path ${quoted(pictureFile(start.image.path))}`]),
    ...(start?.mask == null ? [] : [`--mask_path ${quoted(pictureFile(start.mask.path))}`]),
    ...(start?.maskedContent === undefined ? [] : [`--masked_content ${start.maskedContent}`]),
    ...(start === null ? [] : [`--strength ${start.strength}`]),
    ...(hires === null
      ? []
      : [
          `--highres_fix_scale ${hires.scale} --highres_fix_steps ${hires.steps} --highres_fix_strength ${hires.strength}`,
        ]),
    ...(tiles === null ? [] : [`--tile ${tiles.size} --tile_overlap ${tiles.overlap}`]),
    ...list(
      "network_weights",
      loras.map(({ file }) => file.path),
    ),
    ...list(
      "network_mul",
      loras.map(({ strength }) => strength),
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
  const start =
    shared.start === null
      ? null
      : {
          ...shared.start,
          image: { path: pictureFile(shared.start.image.path) },
          mask: shared.start.mask === null ? null : { path: pictureFile(shared.start.mask.path) },
        }
  const json = JSON.stringify(inputOf({ ...shared, adapters, start }), null, 2)
  const has = {
    lllite: adapters.some(({ kind }) => kind === "lllite"),
    controlNet: adapters.some(({ kind }) => kind === "controlnet"),
    lora: recipe.loras.length > 0,
    start: start !== null,
    mask: start?.mask != null,
  }
  const names = [
    ...(has.lllite ? ["adapterOptions"] : []),
    ...(has.controlNet ? ["controlNetOptions"] : []),
    ...["createRecipe", ...(has.lora ? ["loraOptions"] : []), "recipeText", "requestOf"],
    ...(has.start ? ["startOptions"] : []),
  ]
  const control = "control: await readImage(file.path), fit, preprocess"
  const uses = [
    ...(has.lllite
      ? [
          `const adapters = []
for (const use of recipe.adapters${has.controlNet ? '.filter(({ kind }) => kind === "lllite")' : ""}) {
  const { file, fit, preprocess } = use.control
  const adapter = await runtime.loadAdapter(use.file.path, sdxl)
  adapters.push({ adapter, ${control}, ...adapterOptions(use) })
}`,
        ]
      : []),
    ...(has.controlNet
      ? [
          `const controlNets = []
for (const use of recipe.adapters${has.lllite ? '.filter(({ kind }) => kind === "controlnet")' : ""}) {
  const { file, fit, preprocess } = use.control
  const controlNet = await runtime.loadControlNet(use.file.path, sdxl)
  controlNets.push({ controlNet, ${control}, ...controlNetOptions(use) })
}`,
        ]
      : []),
    ...(has.lora
      ? [
          `const loras = []
for (const use of recipe.loras) loras.push({ lora: await runtime.loadLora(use.file.path, sdxl), ...loraOptions(use) })`,
        ]
      : []),
    ...(has.start
      ? [
          `const start = { ...startOptions(recipe.start), image: await readImage(recipe.start.image.path)${
            has.mask ? ", mask: maskOf(await readImage(recipe.start.mask.path))" : ""
          } }`,
        ]
      : []),
  ]
  const given = [
    ...["...options", ...(has.lllite ? ["adapters"] : []), ...(has.controlNet ? ["controlNets"] : [])],
    ...[...(has.lora ? ["loras"] : []), ...(has.start ? ["start"] : [])],
  ]
  const vae = recipe.model.vae === undefined ? "" : ", { vae: recipe.model.vae.path }"
  return `${has.mask ? 'import { maskOf } from "@lllite/core/image"\n' : ""}import { ${names.join(", ")} } from "@lllite/core/recipe"
import { createNodeRuntime, readImage, writePng } from "@lllite/runtime-node"

const recipe = createRecipe(${json})
const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl(recipe.model.checkpoint.path${vae})
${uses.map((use) => `${use}\n`).join("")}const { request, options } = requestOf(recipe)
for await (const event of sdxl.generate([request], { ${given.join(", ")} })) {
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

/** The recipe of a link. Null: it has none. @throws PageError for one that is damaged */
export function readLink(hash: string): Recipe | null {
  const text = hash.replace(/^#/, "")
  if (!text.startsWith(KEY)) return null
  try {
    if (text.length > MOST_LINK) throw new PageError(sentence("pictures", "linkTooLong"))
    return createRecipe(unpacked(text.slice(KEY.length)) as RecipeInput)
  } catch (cause) {
    throw new PageError(sentence("pictures", "linkUnreadable", problemOf(cause)), { cause })
  }
}

/** The JSON of a link. @throws PageError for a text that is not whole: the browser's own words name its functions */
function unpacked(text: string): unknown {
  try {
    const packed = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0))
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new PageError(sentence("pictures", "linkCut"), { cause })
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
    model,
  }
}

const { width, height } = FIRST_RECIPE
const DEFAULTS = createRecipe({ prompt: "", seed: 0, width, height, model: { checkpoint: { path: "tiny" } } })

function fileOf({ file }: AdapterRecipe): string {
  return file.path === BUILT_IN ? BUILT_IN_FILE : file.path
}

function pictureOf({ control }: AdapterRecipe): string {
  return pictureFile(control?.file.path ?? "drawing")
}

/** The file of a picture that is named in a recipe of this page. */
function pictureFile(path: string): string {
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
