import { type Preprocessing, preprocessingText } from "@lllite/core/image"
import type { AdapterRecipe, Recipe } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { cannyThresholds } from "@lllite/tiny"
import { type Control, CURVE_POINTS, newControl } from "../controls/control-state.ts"
import type { NamedLllite } from "../controls/lllites.ts"
import { FIRST_RECIPE } from "../draw/recipe-state.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { controlKindOf } from "../pictures/control-kinds.ts"

/** What this page takes of a recipe. */
export interface PageRecipe {
  /** Everything but the controls. */
  readonly draft: Recipe
  /** The controls, each with the index of its adapter in the recipe. They follow the drawing. */
  readonly controls: readonly { readonly control: Control; readonly index: number }[]
  /** What is not taken, one sentence each. */
  readonly notices: readonly string[]
}

/** Stages of a recipe that this page does not make, in words. */
const STAGES = {
  start: "the start picture",
  hires: "hires fix",
  deepShrink: "deep shrink",
  deepCache: "deep cache",
  gradualLatent: "gradual latent",
  tiles: "tiles",
  regions: "regions",
} as const satisfies Partial<Record<keyof Recipe, string>>

/** Takes a recipe of any program for this page: for its model, its size and the LLLites that are loaded. */
export function pageRecipe(recipe: Recipe, lllites: readonly Pick<NamedLllite, "name" | "sha256">[]): PageRecipe {
  const { prompt, negativePrompt, seed, steps, guidanceScale, guidanceRescale, sampler, spacing } = recipe
  const { spacingOptions, samplerOptions, noise, prompts, combine, guidanceWindow } = recipe
  const notices: string[] = []
  const { checkpoint, loras } = recipe.model
  if (checkpoint.path !== "tiny") notices.push(`It was made with “${checkpoint.path}”. Here the tiny SDXL draws.`)
  if (recipe.width !== SIZE || recipe.height !== SIZE) {
    notices.push(`It was made with ${recipe.width} × ${recipe.height} pixels. Here pictures have ${SIZE} × ${SIZE}.`)
  }
  const left: string[] = Object.entries(STAGES).flatMap(([name, words]) =>
    recipe[name as keyof typeof STAGES] != null ? [words] : [],
  )
  if (loras.length + recipe.loras.length > 0) left.push("LoRAs")
  if (recipe.textualInversions.length > 0) left.push("textual inversions")
  if (left.length > 0) notices.push(`This page does not follow ${left.join(", ")}.`)
  const controls = recipe.adapters.flatMap((adapter, index) => {
    const control = controlOf(adapter, lllites, notices)
    return control === null ? [] : [{ control, index }]
  })
  const draft = createRecipe({
    ...FIRST_RECIPE,
    ...{ prompt, negativePrompt, seed, steps, guidanceScale, guidanceRescale, sampler, spacing },
    ...{ spacingOptions, samplerOptions, noise, prompts, combine, guidanceWindow },
  })
  return { draft, controls, notices }
}

function controlOf(
  adapter: AdapterRecipe,
  lllites: readonly Pick<NamedLllite, "name" | "sha256">[],
  notices: string[],
): Control | null {
  const { kind, file, control, strength, window, curve } = adapter
  const isSame = (one: Pick<NamedLllite, "name" | "sha256">): boolean =>
    file.sha256 !== undefined && one.sha256 !== null ? one.sha256 === file.sha256 : one.name === file.path
  const found = kind === "lllite" ? lllites.find(isSame) : undefined
  if (found === undefined) {
    notices.push(
      kind === "lllite"
        ? `The LLLite “${file.path}” is not loaded and is left out. Open its file, and then this again.`
        : `The ControlNet “${file.path}” is left out: this page follows LLLites.`,
    )
    return null
  }
  const unread = ["blocks", "guidance", "mask"].filter((name) => name in adapter)
  if (window.ease !== undefined && window.ease > 0) unread.push("soft ends of its window")
  if (curve?.some((point) => "sigma" in point)) unread.push("a curve by noise levels")
  if (unread.length > 0) notices.push(`Of “${file.path}” this page does not follow ${unread.join(", ")}.`)
  return newControl({
    ...{ lllite: found.name, strength, window: { start: window.start, end: window.end } },
    ...preparedBy(control?.preprocess, control === null, notices),
    curve: curvePoints(curve),
  })
}

function preparedBy(
  preprocess: Preprocessing | undefined,
  isUnknown: boolean,
  notices: string[],
): Partial<Pick<Control, "kind" | "thresholds">> {
  // Programs that do not record it mostly have canny, as the LLLite of this page.
  if (isUnknown) return {}
  if (preprocess === undefined) return { kind: "none" }
  const kind = controlKindOf(preprocess.kind)
  if (kind === null) {
    notices.push(`There is no preprocessor ${preprocessingText(preprocess)} here. Canny is used.`)
    return {}
  }
  const { low = cannyThresholds.low, high = cannyThresholds.high } = preprocess.options ?? {}
  return { kind, thresholds: { low: Number(low), high: Number(high) } }
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
