import { type Preprocessing, preprocessingText } from "@lllite/core/image"
import type { AdapterRecipe, FileReference, Recipe } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { type Control, CURVE_POINTS, newControl } from "../controls/control-state.ts"
import type { Network } from "../controls/networks.ts"
import { FIRST_RECIPE, withBest, withSide } from "../draw/recipe-state.ts"
import type { Unfollowed } from "../language/english/pictures.ts"
import { type Sentence, sentence } from "../language/sentence.ts"
import { type LoraUse, newLora } from "../loras/lora-state.ts"
import { type ModelFacts, TINY } from "../models/model-facts.ts"
import { controlKindOf, preparationOf } from "../pictures/control-kinds.ts"

/** What this page takes of a recipe. */
export interface PageRecipe {
  /** Everything but the controls. */
  readonly draft: Recipe
  /** The controls, each with the index of its adapter in the recipe. They follow the drawing. */
  readonly controls: readonly { readonly control: Control; readonly index: number }[]
  readonly loras: readonly LoraUse[]
  /** What is not taken, one sentence each. */
  readonly notices: readonly Sentence[]
}

/** What is known of a network that is open. */
export type KnownNetwork = Pick<Network, "name" | "sha256" | "kind" | "types">

/** Stages of a recipe that this page does not make. */
const STAGES = ["deepShrink", "deepCache", "gradualLatent", "regions"] as const satisfies readonly (keyof Recipe &
  Unfollowed)[]

/** Takes a recipe of any program for this page: for the model that draws, its sizes and the networks that are open. */
export function pageRecipe(
  recipe: Recipe,
  known: readonly KnownNetwork[],
  model: Pick<ModelFacts, "name" | "path" | "sha256" | "vae" | "sides" | "best">,
): PageRecipe {
  const { prompt, negativePrompt, seed, steps, guidanceScale, guidanceRescale, sampler, spacing } = recipe
  const { spacingOptions, samplerOptions, noise, prompts, combine, guidanceWindow } = recipe
  const notices: Sentence[] = []
  const { checkpoint, vae, loras: merged } = recipe.model
  const isHashed = checkpoint.sha256 !== undefined && model.sha256 !== null
  if (isHashed && checkpoint.sha256 !== model.sha256 && checkpoint.path === model.path) {
    notices.push(sentence("pictures", "otherFile", model.name))
  } else if (isHashed ? checkpoint.sha256 !== model.sha256 : checkpoint.path !== model.path) {
    const named = (path: string): Sentence =>
      path === TINY ? sentence("pictures", "theTiny") : sentence("pictures", "named", path)
    notices.push(sentence("pictures", "otherModel", named(checkpoint.path), named(model.path)))
  }
  if ((vae?.path ?? null) !== model.vae && vae !== undefined) notices.push(sentence("pictures", "vaeNotOpen", vae.path))
  const isOffered = recipe.width === recipe.height && model.sides.includes(recipe.width)
  const side = isOffered ? recipe.width : model.best.side
  if (!isOffered) {
    notices.push(sentence("pictures", "otherSize", recipe.width, recipe.height, side))
  }
  const left: Unfollowed[] = STAGES.filter((name) => recipe[name] != null)
  const loras = [...merged, ...recipe.loras].flatMap(({ file, strength, textStrength, blocks }) => {
    const found = known.find((one) => one.kind === "lora" && isSame(one, file))
    if (found === undefined) {
      notices.push(sentence("pictures", "networkNotOpen", "LoRA", file.path))
      return []
    }
    if (Object.keys(blocks).length > 0) notices.push(sentence("pictures", "blocksNotFollowed", file.path))
    return [newLora(found.name, strength, textStrength)]
  })
  if (recipe.textualInversions.length > 0) left.push("textualInversions")
  if (left.length > 0) notices.push(sentence("pictures", "notFollowed", left))
  const controls = recipe.adapters.flatMap((adapter, index) => {
    const control = controlOf(adapter, known, Math.max(recipe.width, recipe.height), notices)
    return control === null ? [] : [{ control, index }]
  })
  const draft = createRecipe({
    ...withSide(withBest(FIRST_RECIPE, model), side),
    ...{ prompt, negativePrompt, seed, steps, guidanceScale, guidanceRescale, sampler, spacing },
    ...{ spacingOptions, samplerOptions, noise, prompts, combine, guidanceWindow },
    ...(isOffered ? { hires: recipe.hires, tiles: recipe.tiles } : {}),
  })
  return { draft, controls, loras, notices }
}

function controlOf(
  adapter: AdapterRecipe,
  known: readonly KnownNetwork[],
  side: number,
  notices: Sentence[],
): Control | null {
  const { kind, file, control, strength, window, curve, controlType } = adapter
  const found = known.find((one) => one.kind === kind && isSame(one, file))
  if (found === undefined) {
    const what = kind === "lllite" ? "LLLite" : "ControlNet"
    notices.push(sentence("pictures", "networkNotOpen", what, file.path))
    return null
  }
  const unread: Unfollowed[] = (["blocks", "guidance", "mask", "guessMode"] as const).filter((name) => name in adapter)
  if (window.ease !== undefined && window.ease > 0) unread.push("softEnds")
  if (curve?.some((point) => "sigma" in point)) unread.push("sigmaCurve")
  if (unread.length > 0) notices.push(sentence("pictures", "notFollowedOf", file.path, unread))
  return newControl({
    ...{
      network: found.name,
      type: controlType ?? found.types[0] ?? null,
      strength,
      window: { start: window.start, end: window.end },
    },
    ...preparedBy(control?.preprocess, control === null, side, notices),
    curve: curvePoints(curve),
  })
}

function isSame(one: Pick<Network, "name" | "sha256">, file: FileReference): boolean {
  return file.sha256 !== undefined && one.sha256 !== null ? one.sha256 === file.sha256 : one.name === file.path
}

function preparedBy(
  preprocess: Preprocessing | undefined,
  isUnknown: boolean,
  side: number,
  notices: Sentence[],
): Partial<Pick<Control, "kind" | "options">> {
  // Programs that do not record it mostly have canny, as the LLLite of this page.
  if (isUnknown) return {}
  if (preprocess === undefined) return { kind: "none" }
  const kind = controlKindOf(preprocess.kind)
  if (kind === null) {
    notices.push(sentence("pictures", "noPreprocessor", preprocessingText(preprocess)))
    return {}
  }
  const { options = {} } = preprocess
  // Options of this page follow a change of the size.
  const isOfPage = JSON.stringify(preparationOf(kind, side).preprocess?.options) === JSON.stringify(options)
  return { kind, options: isOfPage ? {} : { [kind]: options } }
}

/** A curve at the points that this page has. Between two points of a recipe it is linear. */
export function curvePoints(curve: AdapterRecipe["curve"]): readonly number[] | null {
  const points = (curve ?? []).flatMap((point) => ("at" in point ? [point] : [])).sort((a, b) => a.at - b.at)
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return null
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const at = i / (CURVE_POINTS - 1)
    const after = points.findIndex((point) => point.at >= at)
    const [a, b] = [points[after - 1], points[after]]
    if (b === undefined) return last.strength
    if (a === undefined || a.at === b.at) return b.strength
    return a.strength + ((b.strength - a.strength) * (at - a.at)) / (b.at - a.at)
  })
}
