import type { RgbImage } from "@lllite/core/image"
import type { SamplerName } from "@lllite/core/names"
import type { AdapterHandle, AdapterHandleUse } from "@lllite/runtime-web"
import { captionOf, drawScene, heldOutSeed, makeScene } from "@lllite/tiny"
import { computed, signal } from "@preact/signals"
import type { ReadyModel } from "../page/model.ts"
import { messageOf } from "../page/model.ts"
import { edgesOf, SIZE } from "../pictures/canvas-image.ts"

/** What can be set, as it stands in the form. */
export interface SteerSettings {
  readonly strength: number
  /** Where on the noise schedule the LLLite begins and ends, 0 (pure noise) to 1. */
  readonly start: number
  readonly end: number
  readonly seed: number
  readonly steps: number
  readonly guidanceScale: number
  readonly sampler: SamplerName
}

const first = makeScene(heldOutSeed, 0)
export const drawing = signal<RgbImage>(drawScene(first, SIZE))
export const edges = computed(() => edgesOf(drawing.value))
export const prompt = signal(captionOf(first))
export const settings = signal<SteerSettings>({
  strength: 1,
  start: 0,
  end: 1,
  seed: 7,
  steps: 15,
  guidanceScale: 1.5,
  sampler: "euler",
})
/** Whether the same picture is made without the LLLite, too. */
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
  /** What the pictures were made with, for people. */
  readonly caption: string
  /** While it is being made, the estimates so far. */
  readonly isFinal: boolean
}

export const result = signal<SteerResult | null>(null)

let controller: AbortController | null = null

/** Stops what runs. */
export function stop(): void {
  controller?.abort()
}

/** Makes a picture with the LLLite, and one without where it is to be compared. */
export async function steer({ sdxl }: ReadyModel, adapter: AdapterHandle): Promise<void> {
  controller = new AbortController()
  const { signal } = controller
  const { seed, strength, start, end, ...rest } = settings.value
  const request = { prompt: prompt.value, seed }
  const options = { ...rest, width: SIZE, height: SIZE, previews: true, signal }
  const caption = `“${request.prompt}”, seed ${seed}, strength ${strength}`
  const control = edges.value
  let plain: RgbImage | null = null
  try {
    const make = async (what: string, adapters: readonly AdapterHandleUse[]) => {
      let image: RgbImage | null = null
      steerState.value = { phase: "running", what, step: 0, steps: rest.steps }
      for await (const event of sdxl.generate([request], { ...options, adapters })) {
        if (event.kind === "image") image = event.image
        else {
          const { step, steps, previews } = event
          steerState.value = { phase: "running", what, step, steps }
          const preview = previews[0]
          if (preview !== undefined) result.value = { steered: preview, plain, caption, isFinal: false }
        }
      }
      return image
    }
    if (isCompared.value) plain = await make("Without the LLLite", [])
    const steered = await make("With the LLLite", [{ adapter, control, strength, start, end }])
    if (steered !== null) result.value = { steered, plain, caption, isFinal: true }
    steerState.value = { phase: "idle" }
  } catch (error) {
    steerState.value = signal.aborted ? { phase: "stopped" } : { phase: "failed", message: messageOf(error) }
  } finally {
    controller = null
  }
}
