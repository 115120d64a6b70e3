import type { RgbImage } from "@lllite/core/image"
import { controlPicture } from "@lllite/core/image"
import type { SamplerName } from "@lllite/core/names"
import type { AdapterRecipe, Recipe } from "@lllite/core/recipe"
import { adapterOptions, requestOf } from "@lllite/core/recipe"
import type { AdapterHandle, AdapterHandleUse } from "@lllite/runtime-web"
import { captionOf, drawScene, heldOutSeed, makeScene } from "@lllite/tiny"
import { computed, signal } from "@preact/signals"
import type { ReadyModel } from "../page/model.ts"
import { chosenLllite, lllites, messageOf } from "../page/model.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { type ControlKind, preparationOf } from "../pictures/control-kinds.ts"
import type { SteerRecipe } from "./steer-recipe.ts"
import { steerRecipe, withAdapter, withSampler } from "./steer-recipe.ts"

const first = makeScene(heldOutSeed, 0)
export const drawing = signal<RgbImage>(drawScene(first, SIZE))

/** What is made of the drawing. */
export const controlKind = signal<ControlKind>("canny")

const preparation = computed(() => preparationOf(controlKind.value, SIZE))

/** The control picture. */
export const control = computed(() => controlPicture(drawing.value, drawing.value, preparation.value))

const draft = signal<SteerRecipe>(
  steerRecipe({
    ...{ prompt: captionOf(first), seed: 7, width: SIZE, height: SIZE, steps: 15, guidanceScale: 1.5 },
    model: { checkpoint: { path: "tiny" } },
    adapters: [{ file: { path: "lllite" }, control: { file: { path: "drawing" }, fit: "stretch" } }],
  }),
)

/** The recipe of the next picture, as set in the form. */
export const recipe = computed<SteerRecipe>(() => {
  const name = lllites.value[chosenLllite.value]?.name
  return withAdapter(draft.value, {
    ...(name === undefined ? {} : { file: { path: name } }),
    control: { file: { path: "drawing" }, fit: "stretch", ...preparation.value },
  })
})

/** Changes settings of the form. */
export function changeRecipe(changes: Partial<Pick<Recipe, "prompt" | "seed" | "steps" | "guidanceScale">>): void {
  draft.value = { ...draft.value, ...changes }
}

/** Chooses a sampler and its spacing. */
export function chooseSampler(sampler: SamplerName): void {
  draft.value = withSampler(draft.value, sampler)
}

/** Changes settings of the LLLite. */
export function changeAdapter(changes: Partial<Pick<AdapterRecipe, "strength" | "window">>): void {
  draft.value = withAdapter(draft.value, changes)
}

/** Whether the picture is also made without the LLLite. */
export const isCompared = signal(true)

export type SteerState =
  | { readonly phase: "idle" }
  | { readonly phase: "running"; readonly what: string; readonly step: number; readonly steps: number }
  | { readonly phase: "stopped" }
  | { readonly phase: "failed"; readonly message: string }

export const steerState = signal<SteerState>({ phase: "idle" })

export interface SteerResult {
  readonly steered: RgbImage
  readonly plain: RgbImage | null
  /** What the pictures follow from. */
  readonly recipe: SteerRecipe
  /** The settings of the pictures as text. */
  readonly caption: string
  /** False while the pictures are estimates of steps before the last. */
  readonly isFinal: boolean
}

export const result = signal<SteerResult | null>(null)

/** What the last pictures do not read of their prompt, one sentence each. */
export const notices = signal<readonly string[]>([])

let controller: AbortController | null = null

/** Stops the running generation. */
export function stop(): void {
  controller?.abort()
}

/** Makes a picture with the LLLite, and before it one without the LLLite if they are compared. */
export async function steer({ sdxl }: ReadyModel, adapter: AdapterHandle): Promise<void> {
  controller = new AbortController()
  const { signal } = controller
  const made = recipe.value
  const { request, options } = requestOf(made)
  const use = adapterOptions(made.adapters[0])
  const caption = `“${request.prompt}”, seed ${request.seed}, strength ${use.strength}`
  const followed = control.value
  let plain: RgbImage | null = null
  notices.value = []
  try {
    const make = async (what: string, adapters: readonly AdapterHandleUse[]) => {
      let image: RgbImage | null = null
      steerState.value = { phase: "running", what, step: 0, steps: options.steps }
      for await (const event of sdxl.generate([request], { ...options, previews: true, signal, adapters })) {
        if (event.kind === "image") image = event.image
        else if (event.kind === "notice") {
          notices.value = [...new Set([...notices.value, event.text])]
        } else if (event.kind === "step") {
          const { step, steps, previews } = event
          steerState.value = { phase: "running", what, step, steps }
          const preview = previews[0]
          if (preview !== undefined) result.value = { steered: preview, plain, recipe: made, caption, isFinal: false }
        }
      }
      return image
    }
    if (isCompared.value) plain = await make("Without the LLLite", [])
    const steered = await make("With the LLLite", [{ adapter, control: followed, ...use }])
    if (steered !== null) result.value = { steered, plain, recipe: made, caption, isFinal: true }
    steerState.value = { phase: "idle" }
  } catch (error) {
    steerState.value = signal.aborted ? { phase: "stopped" } : { phase: "failed", message: messageOf(error) }
  } finally {
    controller = null
  }
}
