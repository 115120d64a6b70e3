import type { RgbImage } from "@lllite/core/image"
import type { Recipe } from "@lllite/core/recipe"
import { adapterOptions, requestOf } from "@lllite/core/recipe"
import type { AdapterHandleUse } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import { controlPictures, controls } from "../controls/control-state.ts"
import { lllites } from "../controls/lllites.ts"
import { messageOf, modelState, type ReadyModel } from "../page/model.ts"
import { sayUnseen } from "../page/status-line.tsx"
import { origin, type Quality, type Result, result } from "./result.ts"

/** Steps of a picture that is made while drawing. */
export const LIVE_STEPS = 4
/** Pictures without controls that are kept, each for one prompt, seed and so on. */
const MOST_PLAIN = 12

export type DrawState =
  | { readonly phase: "idle" }
  | {
      readonly phase: "running"
      readonly quality: Quality
      readonly what: string
      readonly step: number
      readonly steps: number
    }
  | { readonly phase: "stopped" }
  | { readonly phase: "failed"; readonly message: string }

export const drawState = signal<DrawState>({ phase: "idle" })

/** What the last picture does not read of its prompt, one sentence each. */
export const notices = signal<readonly string[]>([])

/** Whether the picture is also made without the controls. */
export const isCompared = signal(true)
/** Whether a picture is made after each change of the drawing. */
export const isLive = signal(true)

let controller: AbortController | null = null
const plainPictures = new Map<string, RgbImage>()

/** Stops the running picture. */
export function stop(): void {
  controller?.abort()
}

/** Gives the running picture up, to show another one. */
export function giveUp(): void {
  controller?.abort()
  controller = null
  drawState.value = { phase: "idle" }
}

/** Makes a picture again after a change of the drawing or of a setting, if that is wanted and nothing else runs. */
export function followChange(): void {
  const { value } = drawState
  const isBusy = value.phase === "running" && value.quality === "full"
  if (isLive.value && !isBusy && modelState.value.phase === "ready") void makePicture(modelState.value, "live")
}

/**
 * Makes the picture of the recipe, and then the one without controls if they are compared. A picture that is being made
 * is given up. A problem becomes the state `failed`.
 *
 * @param onMade gets the picture, and again with the one without controls
 */
export async function makePicture(
  model: ReadyModel,
  quality: Quality,
  onMade: (made: Result) => void = () => {},
): Promise<void> {
  controller?.abort()
  const own = new AbortController()
  controller = own
  const wanted = origin.value
  const { recipe } = wanted
  const made = quality === "full" ? recipe : { ...recipe, steps: Math.min(LIVE_STEPS, recipe.steps) }
  const begun = performance.now()
  const isCurrent = (): boolean => controller === own
  notices.value = []
  try {
    const uses = usesOf(made)
    const key = JSON.stringify({ ...made, adapters: [] })
    const known = uses.length === 0 ? null : (plainPictures.get(key) ?? null)
    const base = { ...wanted, recipe: made, quality, id: null }
    const image = await draw(model, made, uses, quality, "Making the picture", own, (estimate) => {
      if (quality === "full") result.value = { ...base, image: estimate, plain: null, seconds: null }
    })
    if (!isCurrent()) return
    const seconds = (performance.now() - begun) / 1000
    result.value = { ...base, image, plain: known, seconds }
    onMade(result.value)
    if (quality === "full") sayUnseen(`The picture is ready after ${seconds.toFixed(1)} s.`)
    if (uses.length > 0 && known === null && isCompared.value) {
      const plain = await draw(model, made, [], quality, "Making it without control", own, () => {})
      if (!isCurrent()) return
      keepPlain(key, plain)
      // Meanwhile another picture may be shown, or this one may be kept.
      const isShown = result.value?.image === image
      const compared = { ...base, id: isShown ? result.value.id : null, image, plain, seconds }
      if (isShown) result.value = compared
      if (isShown) onMade(compared)
    }
    drawState.value = { phase: "idle" }
  } catch (error) {
    if (!isCurrent()) return
    // What was not finished is not a picture.
    if (result.value?.seconds === null) result.value = null
    drawState.value = own.signal.aborted ? { phase: "stopped" } : { phase: "failed", message: messageOf(error) }
    if (own.signal.aborted) sayUnseen("Stopped before the picture was finished.")
  } finally {
    if (isCurrent()) controller = null
  }
}

/** The LLLites of a recipe, loaded, with what they follow. @throws Error for one that is not loaded */
export function usesOf({ adapters }: Pick<Recipe, "adapters">): readonly AdapterHandleUse[] {
  return controls.value.flatMap(({ id, lllite }, index) => {
    const named = lllites.value.find(({ name }) => name === lllite)
    const [picture, adapter] = [controlPictures.value.get(id), adapters[index]]
    if (named === undefined)
      throw new Error(`The LLLite "${lllite}" is not loaded. Choose another one, or open its file.`)
    if (picture === undefined || adapter === undefined) return []
    return [{ adapter: named.adapter, control: picture, ...adapterOptions(adapter) }]
  })
}

async function draw(
  { sdxl }: ReadyModel,
  made: Recipe,
  adapters: readonly AdapterHandleUse[],
  quality: Quality,
  what: string,
  { signal }: AbortController,
  onEstimate: (image: RgbImage) => void,
): Promise<RgbImage> {
  const { request, options } = requestOf(made)
  drawState.value = { phase: "running", quality, what, step: 0, steps: options.steps }
  const previews = quality === "full" && adapters.length === made.adapters.length
  for await (const event of sdxl.generate([request], { ...options, previews, signal, adapters })) {
    if (event.kind === "image") return event.image
    if (event.kind === "notice") notices.value = [...new Set([...notices.value, event.text])]
    if (event.kind === "step") {
      const { step, steps, previews } = event
      if (signal.aborted) continue
      drawState.value = { phase: "running", quality, what, step, steps }
      const [estimate] = previews
      if (estimate !== undefined) onEstimate(estimate)
    }
  }
  throw new Error("the model gave no picture. Reload the page.")
}

function keepPlain(key: string, image: RgbImage): void {
  plainPictures.set(key, image)
  const [oldest] = plainPictures.keys()
  if (plainPictures.size > MOST_PLAIN && oldest !== undefined) plainPictures.delete(oldest)
}
