import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { gradualSizes } from "../diffusion/gradual-latent.ts"
import type { NoiseInterval } from "../diffusion/samplers/index.ts"
import { gradualStart, withGradualLatent } from "../diffusion/samplers/index.ts"
import { resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"
import { withInversions } from "../models/clip/textual-inversion.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runUntilStopped } from "../models/steps.ts"
import type { DeepCache } from "../models/unet/deep-cache.ts"
import { createFeatureCache } from "../models/unet/feature-cache.ts"
import { createTextKeyCache } from "../models/unet/text-keys.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { isGuided } from "../prompt/composed.ts"
import type { Region } from "../tiling.ts"
import { prepareAdapter } from "./adapters.ts"
import { encodeConditionSteps } from "./conditions.ts"
import { prepareControlNet } from "./control-nets.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"
import type { DeltaMeter } from "./delta-meter.ts"
import { createLatentDenoiser, type GuidingParts } from "./denoise-latents.ts"
import { encodePictures, vaeParts } from "./encode-pictures.ts"
import { inpaintChannels } from "./inpaint-channels.ts"
import { lorasTap } from "./loras.ts"
import { keepOutside, latentMask } from "./mask.ts"
import { latentsWithContent, picturesWithContent } from "./masked-content.ts"
import type { NoiseSource } from "./noise-source.ts"
import { createNoiseSource } from "./noise-source.ts"
import { prepareViews } from "./part-views.ts"
import type { SamplingPlan } from "./plan-sampling.ts"
import { prepareParts } from "./prompt-parts.ts"
import { type PreparedRegions, prepareRegions, regionalTextTaps } from "./regions.ts"
import type { GenerateOptions } from "./request.ts"
import type { Stage } from "./stages.ts"
import { stepsOf } from "./stages.ts"
import { startFromLatents, startFromNoise } from "./start.ts"
import { listOf, type MaskedContent, START_DEFAULTS } from "./start-picture.ts"
import { prepareTiles, type TileReport } from "./tiled-network.ts"
import { type WalkStep, walkLatents } from "./walk-latents.ts"

/** Draws of noise that sd-scripts prepares for each step of a sampler. Default: 1. */
const PREPARED_DRAWS: Readonly<Record<string, number>> = { dpm_2_a: 2 }

/**
 * Runs a stage: conditions, start, walk.
 *
 * @param before Latents of the stage before, of this stage's size. The caller keeps them. Null: the stage begins from
 * the start picture or from noise.
 * @param meter Measures what the adapters add.
 * @param onTile Awaited after every tile of a pass but the last.
 * @returns a generator that yields every step and returns the latents, which belong to the caller
 */
export async function* runStage(
  sdxl: Sdxl,
  stage: Stage,
  before: Tensor4D | null,
  meter: DeltaMeter | null = null,
  onTile?: (done: TileReport) => Promise<void>,
): AsyncGenerator<WalkStep, Tensor4D, void> {
  const { ops } = sdxl
  const { requests, options, size, negativeSize, plan, steps } = stage
  const { width, height, guidanceScale = GENERATE_DEFAULTS.guidanceScale, adapters = [], prompts = {} } = options
  const disposables: { dispose(): void }[] = []
  const keep = <T extends { dispose(): void }>(value: T): T => {
    disposables.push(value)
    return value
  }
  try {
    const from = keepPictures(sdxl, stage, before, keep)
    const guided = isGuided(requests, { guidanceScale, prompts })
    const texts = withInversions(sdxl, options.textualInversions ?? [], prompts.compat ?? null)
    const loras = lorasTap(ops, options.loras ?? [])
    const fromEmpty = (options.negativeScale ?? null) !== null
    const { regions: masks = null } = options
    const regional = masks === null ? null : regionalTextTaps(sdxl, options.loras ?? [], masks.length)
    const encoded = {
      ...{ guided, fromEmpty, size, negativeSize, prompts },
      ...{ tap: regional?.tap ?? loras, partTaps: regional?.parts ?? null },
      ...{ parts: options.parts ?? null, negativeParts: options.negativeParts ?? null },
    }
    const encoding = encodeConditionSteps(texts, requests, encoded)
    const conditions = keep(await runUntilStopped(encoding, options))
    const full = { height: height / VAE_FACTOR, width: width / VAE_FACTOR }
    const { deepCache = null, controlNets = [], tiles: tiling = null } = options
    const pictures = requests.length
    const isTiled = tiling !== null && Math.max(width, height) > tiling.size
    const regionsIn = (region: Region | null): PreparedRegions | null => {
      const { parts, weights } = conditions
      if (masks === null || parts === null) return null
      return prepareRegions(sdxl, { masks, contexts: parts, weights, loras: options.loras ?? [] }, options, region)
    }
    const given = { adapters, controlNets, pictures, regionsIn }
    const place = { ops, vae: sdxl.vae, ...vaeParts(options) }
    const tiles = isTiled ? keep(prepareTiles(place, full, tiling, given)) : null
    const whole = isTiled ? null : regionsIn(null)
    const regions = whole === null ? null : keep(whole)
    const guiding = (uses: GenerateOptions["parts"]): GuidingParts | null => {
      if (uses == null) return null
      const views = isTiled ? [] : keep(prepareViews(place, uses, full, given)).views
      return { uses, shares: keep(prepareParts(uses)), views }
    }
    const promptParts = guiding(options.parts)
    const negativeParts = guiding(guided ? options.negativeParts : null)
    const prepared = isTiled ? [] : adapters.map((use) => keep(prepareAdapter(place, use, pictures)))
    const nets = isTiled ? [] : controlNets.map((use) => keep(prepareControlNet(ops, use, pictures)))
    const { further, furtherNegatives, empty } = conditions
    const networks = [conditions, ...further, ...furtherNegatives, ...(empty === null ? [] : [empty])]
    const textKeys = networks.map(() => keep(createTextKeyCache()))
    const parts = tiles?.tiles ?? [null]
    const cachesOf = (settings: DeepCache) => parts.map(() => keep(createFeatureCache(settings)))
    const features = deepCache === null ? [] : networks.map(() => cachesOf(deepCache))
    ops.trim?.()

    const shape = [full.height, full.width, sdxl.unet.config.outChannels] as const
    const isFromLatents = from.latents !== null
    const added = isFromLatents ? null : (options.startNoise ?? null)
    const noise = createNoiseSource(
      options.noise ?? GENERATE_DEFAULTS.noise,
      requests,
      shape,
      plan.levels.sigmas,
      added,
    )
    const unit = keep(isFromLatents ? startNoise(noise, stage) : noise.start())
    const { channels, mask, content } = from
    const withContent = (latents: Tensor4D | null): Tensor4D | null =>
      latents === null || mask === null || content === "original"
        ? latents
        : keep(latentsWithContent(latents, mask, unit, content))
    const kept = withContent(from.kept)
    const first = from.latents === from.kept ? kept : from.latents
    const start = keep(
      first === null ? startFromNoise(plan, unit) : startFromLatents(plan, first, unit, steps.from, steps.level),
    )
    const denoise = createLatentDenoiser(sdxl, conditions, plan, {
      ...{
        ...options,
        guidanceScale,
        adapters: prepared,
        controlNets: nets,
        channels,
        loras,
        regions,
        parts: promptParts,
        negativeParts,
        meter,
        features,
        textKeys,
      },
      tiles,
      ...(onTile === undefined ? {} : { onTile }),
    })
    const late = stage.compat === "sd-scripts" ? plan : undefined
    const afterStep = mask === null || kept === null ? null : keepOutside({ latents: kept, mask, unit }, late)
    if (stepsOf(stage) === 0) return tf.clone(start)
    const walked = gradually(stage, start, noise, keep)
    const walk = walkLatents(walked.plan, denoise, walked.start, {
      noise: walked.noise,
      from: steps.from,
      countsMissed: late !== undefined,
      ...(afterStep === null ? {} : { afterStep }),
    })
    return yield* walk
  } finally {
    for (const value of disposables) value.dispose()
    ops.trim?.()
  }
}

/** The latents that a stage begins from, and those of the picture that a mask keeps. */
interface FromPictures {
  readonly latents: Tensor4D | null
  readonly kept: Tensor4D | null
  readonly mask: Tensor4D | null
  /** For a U-Net that reads the mask. */
  readonly channels: Tensor4D | null
  /** What the masked part starts as. */
  readonly content: MaskedContent
}

function keepPictures(
  sdxl: Sdxl,
  { options }: Stage,
  before: Tensor4D | null,
  keep: <T extends Tensor4D>(value: T) => T,
): FromPictures {
  const { start = null, width, height } = options
  const plain = { kept: null, mask: null, channels: null, content: "original" } as const
  if (start === null) return { latents: before, ...plain }
  const masks = start.mask == null ? [] : listOf(start.mask)
  if (before !== null && masks.length === 0) return { latents: before, ...plain }
  const pictures = listOf(start.image).map((image): RgbImage => resizeImage(image, width, height, "lanczos"))
  // A second stage starts from what the first one made of the content.
  const content = before === null ? (start.maskedContent ?? START_DEFAULTS.maskedContent) : "original"
  const sized = masks.map((mask) => resizeImage(mask, width, height, "bilinear"))
  const kept = keep(encodePictures(sdxl, picturesWithContent(pictures, sized, content), vaeParts(options)))
  const grid = { height: height / VAE_FACTOR, width: width / VAE_FACTOR }
  const mask = masks.length === 0 ? null : keep(latentMask(masks, grid))
  const reads = sdxl.unet.config.inChannels > sdxl.unet.config.outChannels
  const shown = pictures.length === 1 ? masks.map(() => pictures[0] as RgbImage) : pictures
  const channels = reads && mask !== null ? keep(inpaintChannels(sdxl, shown, masks, vaeParts(options))) : null
  return { latents: before ?? kept, kept, mask, channels, content }
}

function startNoise(noise: NoiseSource, { compat, plan }: Stage): Tensor4D {
  if (compat !== "sd-scripts") return noise.start()
  return noise.after(plan.levels.timesteps.length * (PREPARED_DRAWS[plan.sampler.name] ?? 1))
}

/** The walk of a stage, whose latents may begin smaller and grow. */
function gradually(
  { options: { gradualLatent = null, width, height }, plan, steps }: Stage,
  start: Tensor4D,
  noise: NoiseSource,
  keep: <T extends Tensor4D>(value: T) => T,
): { readonly plan: SamplingPlan; readonly start: Tensor4D; readonly noise: (interval: NoiseInterval) => Tensor4D } {
  if (gradualLatent === null) return { plan, start, noise: noise.between }
  const full = { height: height / VAE_FACTOR, width: width / VAE_FACTOR }
  const sizes = gradualSizes(gradualLatent, plan.levels.timesteps.slice(steps.from), full)
  let size = sizes.start
  const after = sizes.growth.map((grown) => {
    size = grown ?? size
    return size
  })
  return {
    plan: { ...plan, sampler: withGradualLatent(plan.sampler, gradualLatent, sizes) },
    start: keep(gradualStart(gradualLatent, sizes, start)),
    noise: (interval) => noise.between(interval, after[plan.levels.sigmas.indexOf(interval.from) - steps.from] ?? full),
  }
}
