import type { Tensor4D } from "@tensorflow/tfjs-core"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { RgbImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { Seed } from "../random/seed.ts"
import { prepareAdapter } from "./adapters.ts"
import { encodeConditions } from "./conditions.ts"
import { decodePictures } from "./decode-pictures.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"
import { createLatentDenoiser } from "./denoise-latents.ts"
import { lorasTap } from "./loras.ts"
import { createNoiseSource } from "./noise-source.ts"
import { planSampling } from "./plan-sampling.ts"
import type { GenerateOptions, PictureRequest } from "./request.ts"
import { checkRequest } from "./request.ts"
import { startFromNoise } from "./start.ts"
import type { WalkStep } from "./walk-latents.ts"
import { walkLatents } from "./walk-latents.ts"

export type GenerateEvent =
  | {
      readonly kind: "step"
      /** From 1. */
      readonly step: number
      readonly steps: number
      readonly sigma: number
      /** The estimate of the latents without noise, [N, H/8, W/8, 4]. It is valid until the next event. */
      readonly denoised: Tensor4D
    }
  | { readonly kind: "image"; readonly index: number; readonly seed: Seed; readonly image: RgbImage }

/**
 * Makes pictures from text, all in one batch. Yields every step, then every picture. Each picture is the same as alone,
 * if the prompts of all pictures need the same number of chunks (`chunksNeeded`).
 *
 * It is composed of the phases of this folder: conditions, start, walk, decode.
 *
 * @throws CoreError when an option is out of range or a control has another size; the signal's reason when aborted
 */
export async function* generate(
  sdxl: Sdxl,
  requests: readonly PictureRequest[],
  options: GenerateOptions,
): AsyncGenerator<GenerateEvent, void, void> {
  const { width, height, guidanceScale = GENERATE_DEFAULTS.guidanceScale, adapters = [] } = options
  checkRequest(requests, options)
  const { ops, zeroTerminalSnr = false } = sdxl
  const plan = planSampling({ ...options, schedule: createNoiseSchedule({ zeroTerminalSnr }) })
  const disposables: { dispose(): void }[] = []
  const disposeLater = <T extends { dispose(): void }>(value: T): T => {
    disposables.push(value)
    return value
  }
  try {
    const size = options.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
    const { prompts = {} } = options
    const guided = guidanceScale !== 1
    const loras = lorasTap(ops, options.loras ?? [])
    const conditions = disposeLater(encodeConditions(sdxl, requests, { guided, size, prompts, tap: loras }))
    const prepared = adapters.map((use) => disposeLater(prepareAdapter(ops, use, requests.length)))
    ops.trim?.()

    const seeds = requests.map(({ seed }) => seed)
    const shape = [height / VAE_FACTOR, width / VAE_FACTOR, sdxl.unet.config.outChannels] as const
    const noise = createNoiseSource(options.noise ?? GENERATE_DEFAULTS.noise, seeds, shape, plan.levels.sigmas)
    const unit = disposeLater(noise.start())
    const start = disposeLater(startFromNoise(plan, unit))
    const denoise = createLatentDenoiser(sdxl, conditions, plan, {
      ...options,
      guidanceScale,
      adapters: prepared,
      loras,
    })
    const walk = walkLatents(plan, denoise, start, { noise: noise.between })
    const latents = disposeLater(yield* stepEvents(walk, start))
    ops.trim?.()

    let index = 0
    for await (const image of decodePictures(sdxl, latents, options)) {
      yield { kind: "image", index, seed: seeds[index] as Seed, image }
      index += 1
    }
  } finally {
    for (const value of disposables) value.dispose()
    ops.trim?.()
  }
}

/** Yields the steps of a walk as events, and returns the walk's result. */
async function* stepEvents(
  walk: AsyncGenerator<WalkStep, Tensor4D, void>,
  start: Tensor4D,
): AsyncGenerator<GenerateEvent, Tensor4D, void> {
  let finished = false
  try {
    for (;;) {
      const next = await walk.next()
      if (next.done === true) {
        finished = true
        return next.value
      }
      const { step, steps, sigma, denoised } = next.value
      yield { kind: "step", step: step + 1, steps, sigma, denoised }
    }
  } finally {
    if (!finished) await walk.return(start)
  }
}
