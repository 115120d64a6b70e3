import type { Tensor4D } from "@tensorflow/tfjs-core"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { RgbImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { POOLED_BYTES } from "../ops/ops.ts"
import type { Seed } from "../random/seed.ts"
import { withReadyControls } from "./control-picture.ts"
import { decodePictures } from "./decode-pictures.ts"
import { createDeltaMeter, type StepDeltas } from "./delta-meter.ts"
import { enlargeLatents, enlargePictures } from "./enlarge.ts"
import { HIRES_DEFAULTS } from "./hires-fix.ts"
import { checkChannels } from "./inpaint-channels.ts"
import { createReports, type Reports } from "./reports.ts"
import type { GenerateOptions, PictureRequest } from "./request.ts"
import { checkRequest } from "./request.ts"
import { runStage } from "./run-stage.ts"
import { planStages, type Stage, stepsOf } from "./stages.ts"
import type { TileReport } from "./tiled-network.ts"
import type { WalkStep } from "./walk-latents.ts"

export type GenerateEvent =
  | {
      /** With `tiles`, after every tile of a pass but the last. */
      readonly kind: "tile"
      /** The step that runs, from 1, over all stages. A sampler may make several passes in a step. */
      readonly step: number
      readonly steps: number
      /** The number of tiles that are done in this pass. */
      readonly tile: number
      readonly tiles: number
    }
  | {
      readonly kind: "step"
      /** From 1, over all stages. */
      readonly step: number
      readonly steps: number
      readonly sigma: number
      /** The estimate of the latents without noise, [N, H/8, W/8, 4]. It is valid until the next event. */
      readonly denoised: Tensor4D
    }
  /** A picture of the first stage of `hires`, with `firstStage`. */
  | { readonly kind: "first-stage"; readonly index: number; readonly seed: Seed; readonly image: RgbImage }
  | {
      /** With `measureAdapters`, after the last step and before the first picture. */
      readonly kind: "deltas"
      readonly steps: readonly StepDeltas[]
    }
  | { readonly kind: "image"; readonly index: number; readonly seed: Seed; readonly image: RgbImage }

/**
 * Makes pictures from text, from pictures, or from both, all in one batch. Yields every step, then every picture. Each
 * picture is the same as alone, if the prompts of all pictures need the same number of chunks (`chunksNeeded`).
 *
 * It is composed of the phases of this folder: conditions, start, walk, decode.
 *
 * @throws CoreError when an option is out of range or a control has another size; the signal's reason when aborted
 */
export async function* generate(
  sdxl: Sdxl,
  requests: readonly PictureRequest[],
  given: GenerateOptions,
): AsyncGenerator<GenerateEvent, void, void> {
  checkRequest(requests, given)
  const adapters = (given.adapters ?? []).map((use) => withReadyControls(use, given))
  const controlNets = (given.controlNets ?? []).map((use) => withReadyControls(use, given))
  const options = { ...given, adapters, controlNets }
  checkChannels(sdxl, options)
  const { ops } = sdxl
  const zeroTerminalSnr = options.zeroTerminalSnr ?? sdxl.zeroTerminalSnr ?? false
  const stages = planStages(requests, options, createNoiseSchedule({ zeroTerminalSnr }))
  const steps = stages.reduce((sum, stage) => sum + stepsOf(stage), 0)
  const { hires = null, firstStage = false, measureAdapters = false } = options
  const meter = measureAdapters ? createDeltaMeter(adapters.length, requests.length) : null
  const { upscaler } = { ...HIRES_DEFAULTS, ...hires }
  const seeds = requests.map(({ seed }) => seed)
  let latents: Tensor4D | null = null
  let done = 0
  const reports = createReports<TileReport>()
  const run = (stage: Stage, before: Tensor4D | null) =>
    stepEvents(runStage(sdxl, stage, before, meter, reports.report), reports, { done, steps })
  const replace = (next: Tensor4D): Tensor4D => {
    latents?.dispose()
    latents = next
    return next
  }
  ops.pool?.(POOLED_BYTES)
  try {
    const [first, second] = stages
    meter?.beginStage(-first.steps.from)
    let current = replace(yield* run(first, null))
    done += stepsOf(first)
    ops.trim?.()
    if (second !== undefined) {
      const pictures: RgbImage[] = []
      if (firstStage || upscaler === "lanczos") {
        for await (const image of decodePictures(sdxl, current, options)) pictures.push(image)
        ops.trim?.()
      }
      if (firstStage) {
        for (const [index, image] of pictures.entries()) {
          yield { kind: "first-stage", index, seed: seeds[index] as Seed, image }
        }
      }
      const larger =
        upscaler === "lanczos"
          ? enlargePictures(sdxl, pictures, options)
          : enlargeLatents(current, options, upscaler === "latents-bicubic" ? "bicubic" : "bilinear")
      current = replace(larger)
      ops.trim?.()
      meter?.beginStage(done - second.steps.from)
      current = replace(yield* run(second, current))
      ops.trim?.()
    }
    if (meter !== null) yield { kind: "deltas", steps: meter.steps() }
    let index = 0
    for await (const image of decodePictures(sdxl, current, options)) {
      yield { kind: "image", index, seed: seeds[index] as Seed, image }
      index += 1
    }
  } finally {
    const last = latents as Tensor4D | null
    last?.dispose()
    meter?.dispose()
    ops.trim?.()
  }
}

/** Yields the steps of a walk and their tiles as events, and returns the walk's result. */
async function* stepEvents(
  walk: AsyncGenerator<WalkStep, Tensor4D, void>,
  reports: Reports<TileReport>,
  { done, steps }: { readonly done: number; readonly steps: number },
): AsyncGenerator<GenerateEvent, Tensor4D, void> {
  const events = reports.within(walk)
  let isFinished = false
  let step = done
  try {
    for (;;) {
      const next = await events.next()
      if (next.done === true) {
        isFinished = true
        return next.value
      }
      // Some samplers make more steps than they were asked for.
      const place = { step: step + 1, steps: Math.max(steps, step + 1) }
      if (next.value.kind === "report") {
        const { tile, tiles } = next.value.report
        yield { kind: "tile", ...place, tile, tiles }
        continue
      }
      step += 1
      const { sigma, denoised } = next.value.step
      yield { kind: "step", ...place, sigma, denoised }
    }
  } finally {
    // An ended walk has no result.
    if (!isFinished) await events.return(undefined as unknown as Tensor4D)
  }
}
