import type { RgbImage } from "@lllite/core/image"
import { maskOf } from "@lllite/core/image"
import { adapterOptions, controlNetOptions, loraOptions, requestOf, startOptions } from "@lllite/core/recipe"
import type { GenerateRunOptions } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import { networkText } from "../controls/network-text.ts"
import { type Network, networkOf } from "../controls/networks.ts"
import { PageError, problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { loadNetwork } from "../models/loaded-networks.ts"
import { modelFacts } from "../models/model-facts.ts"
import { modelState, type ReadyModel } from "../page/model.ts"
import { sayUnseen } from "../page/status-line.tsx"
import { type Quality, recipeFor } from "./recipe-state.ts"
import { type Origin, origin, type Result, result } from "./result.ts"

/** Pictures without controls that are kept, each for one prompt, seed and so on. */
const MOST_PLAIN = 12

export type DrawState =
  | { readonly phase: "idle" }
  | {
      readonly phase: "running"
      readonly quality: Quality
      readonly what: "making" | "makingWithout"
      readonly step: number
      readonly steps: number
    }
  | { readonly phase: "stopped" }
  | { readonly phase: "failed"; readonly problem: Sentence }

export const drawState = signal<DrawState>({ phase: "idle" })

/** What the last picture does not read of its prompt, one sentence each, in the words of core. */
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

/** Stops the running picture if it is one that is made while drawing. */
export function stopLive(): void {
  const { value } = drawState
  if (value.phase === "running" && value.quality === "live") stop()
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
 * @param onMade gets the picture, and again with the one without controls if it has an id by then
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
  const made = recipeFor(quality, recipe)
  const begun = performance.now()
  const isCurrent = (): boolean => controller === own
  notices.value = []
  try {
    const isControlled = made.adapters.length > 0
    const key = JSON.stringify({ ...made, adapters: [], start: wanted.start === null ? null : startKey(wanted) })
    const known = !isControlled ? null : (plainPictures.get(key) ?? null)
    const base = { ...wanted, recipe: made, quality, id: null }
    const image = await draw(model, { ...wanted, recipe: made }, quality, "making", own, (estimate) => {
      if (quality === "full") result.value = { ...base, image: estimate, plain: null, seconds: null }
    })
    if (!isCurrent()) return
    const seconds = (performance.now() - begun) / 1000
    result.value = { ...base, image, plain: known, seconds }
    onMade(result.value)
    if (quality === "full") sayUnseen(sentence("draw", "isReady", seconds))
    if (isControlled && known === null && isCompared.value) {
      const plain = await draw(
        model,
        { ...wanted, recipe: { ...made, adapters: [] } },
        quality,
        "makingWithout",
        own,
        () => {},
      )
      if (!isCurrent()) return
      keepPlain(key, plain)
      // Meanwhile another picture may be shown, or this one may be kept.
      const isShown = result.value?.image === image
      const compared = { ...base, id: isShown ? result.value.id : null, image, plain, seconds }
      if (isShown) result.value = compared
      // One that was removed meanwhile is not kept again.
      if (isShown && compared.id !== null) onMade(compared)
    }
    drawState.value = { phase: "idle" }
  } catch (error) {
    if (!isCurrent()) return
    // What was not finished is not a picture.
    if (result.value?.seconds === null) result.value = null
    drawState.value = own.signal.aborted ? { phase: "stopped" } : { phase: "failed", problem: problemOf(error) }
    if (own.signal.aborted) sayUnseen(sentence("draw", "stopped"))
  } finally {
    if (isCurrent()) controller = null
  }
}

/** What acts beside a model, loaded, and what its pictures start from. */
export type PictureUses = Required<Pick<GenerateRunOptions, "adapters" | "controlNets" | "loras">> &
  Pick<GenerateRunOptions, "start">

/**
 * Loads what a recipe of the form names. The model prepares the pictures that its controls follow.
 *
 * @throws Error for a network that is not there, or does not fit the model
 */
export async function usesOf(model: ReadyModel, { recipe, drawing, pictures, start }: Origin): Promise<PictureUses> {
  const adapters: PictureUses["adapters"][number][] = []
  const controlNets: PictureUses["controlNets"][number][] = []
  for (const [index, adapter] of recipe.adapters.entries()) {
    const loaded = await loadNetwork(model, expectNetwork(adapter.file.path))
    const { fit = "stretch", preprocess } = adapter.control ?? {}
    const control = {
      ...{ control: pictures[index]?.image ?? drawing, fit },
      ...(preprocess === undefined ? {} : { preprocess }),
    }
    if (loaded.kind === "lllite") adapters.push({ adapter: loaded.handle, ...control, ...adapterOptions(adapter) })
    if (loaded.kind === "controlnet")
      controlNets.push({ controlNet: loaded.handle, ...control, ...controlNetOptions(adapter) })
  }
  const loraUses: PictureUses["loras"][number][] = []
  for (const lora of recipe.loras) {
    const loaded = await loadNetwork(model, expectNetwork(lora.file.path))
    if (loaded.kind === "lora") loraUses.push({ lora: loaded.handle, ...loraOptions(lora) })
  }
  return {
    ...{ adapters, controlNets, loras: loraUses },
    ...(recipe.start === null || start === null
      ? {}
      : {
          start: {
            ...{ ...startOptions(recipe.start), image: start.image },
            ...(start.mask === null ? {} : { mask: maskOf(start.mask) }),
          },
        }),
  }
}

function expectNetwork(name: string): Network {
  const network = networkOf(name)
  if (network !== undefined) return network
  throw new PageError(sentence("draw", "notOpen", networkText(name)))
}

async function draw(
  model: ReadyModel,
  from: Origin,
  quality: Quality,
  what: "making" | "makingWithout",
  { signal }: AbortController,
  onEstimate: (image: RgbImage) => void,
): Promise<RgbImage> {
  const { request, options } = requestOf(from.recipe)
  drawState.value = { phase: "running", quality, what, step: 0, steps: options.steps }
  const uses = await usesOf(model, from)
  signal.throwIfAborted()
  const previews = quality === "full" && modelFacts.value.isSmall && what === "making"
  for await (const event of model.sdxl.generate([request], { ...options, ...uses, previews, signal })) {
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
  throw new PageError(sentence("draw", "noPicture"))
}

/** Tells pictures to start from apart, which have no names of their own. */
const startKeys = new WeakMap<RgbImage, number>()
let lastKey = 0

function startKey({ recipe, start }: Origin): unknown {
  const keyOf = (image: RgbImage | null | undefined): number => {
    if (image == null) return 0
    const key = startKeys.get(image) ?? ++lastKey
    startKeys.set(image, key)
    return key
  }
  return [keyOf(start?.image), keyOf(start?.mask), recipe.start?.strength]
}

function keepPlain(key: string, image: RgbImage): void {
  plainPictures.set(key, image)
  const [oldest] = plainPictures.keys()
  if (plainPictures.size > MOST_PLAIN && oldest !== undefined) plainPictures.delete(oldest)
}
