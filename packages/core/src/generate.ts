import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Network } from "./diffusion/denoiser.ts"
import { createDenoiser } from "./diffusion/denoiser.ts"
import { withGuidance } from "./diffusion/guidance.ts"
import type { NoiseName, SamplerName, SamplerOptions, TimestepSpacing } from "./diffusion/names.ts"
import { checkSamplerOptions, findSampler, startFactor } from "./diffusion/samplers/index.ts"
import { createNoiseSchedule } from "./diffusion/schedule.ts"
import { noiseLevels } from "./diffusion/sigmas.ts"
import type { SizeCondition } from "./diffusion/size-embedding.ts"
import { CoreError } from "./errors.ts"
import type { RgbImage } from "./image.ts"
import { floatsToImage, imageToFloats } from "./image.ts"
import type { PreparedControl } from "./models/lllite/adapter.ts"
import { llliteTap, prepareControl } from "./models/lllite/adapter.ts"
import type { LlliteParams } from "./models/lllite/params.ts"
import type { Sdxl } from "./models/sdxl.ts"
import { conditionVector, encodePrompts } from "./models/sdxl.ts"
import { chainTaps, sumTaps } from "./models/taps.ts"
import { unet } from "./models/unet/unet.ts"
import { decodeLatents } from "./models/vae/vae.ts"
import { createNoiseSource } from "./noise-source.ts"

/** An LLLite and how it is used. */
export interface AdapterUse {
  readonly lllite: LlliteParams
  /** One control image for each picture of the batch, or one for all; of the pictures' size. */
  readonly control: RgbImage | readonly RgbImage[]
  /** How much of the adapter is added, 1 unless given. */
  readonly strength?: number
  /** Where on the noise schedule it begins, 0 (pure noise) to 1 (no noise); 0 unless given. */
  readonly start?: number
  /** Where it ends; 1 unless given. */
  readonly end?: number
}

/** One picture to make. */
export interface PictureRequest {
  readonly prompt: string
  /** Empty unless given. */
  readonly negativePrompt?: string
  readonly seed: number
}

export interface GenerateOptions {
  /** Pixels, multiples of 32. */
  readonly width: number
  readonly height: number
  /** 20 unless given. */
  readonly steps?: number
  /** 1 is no guidance; 7.5 unless given. */
  readonly guidanceScale?: number
  /** `euler` unless given. */
  readonly sampler?: SamplerName
  /** Which timesteps are visited. Default: the sampler's own, see `SAMPLERS`. */
  readonly spacing?: TimestepSpacing
  /** Options that the sampler takes, see `SAMPLERS`. */
  readonly samplerOptions?: SamplerOptions
  readonly adapters?: readonly AdapterUse[]
  /** How several adapters meet: `chain` as sd-scripts and ComfyUI, `sum` as sd-webui-controlnet. `chain` unless given. */
  readonly combine?: "chain" | "sum"
  /** What SDXL is told of the size: a picture of just these pixels unless given. */
  readonly size?: SizeCondition
  /**
   * Where the start's noise comes from: `lllite`, or PyTorch's generators by name for people who want a seed to mean
   * what it means elsewhere. `lllite` unless given.
   */
  readonly noise?: NoiseName
  /** Slices of rows in which the VAE decodes a picture, one after another; see `chooseVaeSlices`. 1 unless given. */
  readonly vaeSlices?: number
  readonly signal?: AbortSignal
  /**
   * Awaited before every pass of the U-Net and every decoding: what a thread does there whose device computes
   * synchronously, to hear that it is to stop.
   */
  readonly pause?: () => Promise<void>
}

export type GenerateEvent =
  | {
      readonly kind: "step"
      /** From 1. */
      readonly step: number
      readonly steps: number
      readonly sigma: number
      /** The estimate of the latents without noise, [N, H/8, W/8, 4]: valid until the next event. */
      readonly denoised: Tensor4D
    }
  | { readonly kind: "image"; readonly index: number; readonly seed: number; readonly image: RgbImage }

/**
 * Makes pictures, all in one batch; each is what it would be alone. Yields every step, then every picture.
 *
 * @throws CoreError when an option is out of range or a control has another size; the signal's reason when aborted
 */
export async function* generate(
  sdxl: Sdxl,
  requests: readonly PictureRequest[],
  options: GenerateOptions,
): AsyncGenerator<GenerateEvent, void, void> {
  const { width, height, steps = 20, guidanceScale = 7.5, adapters = [], vaeSlices = 1, signal, pause } = options
  checkRequest(requests, options)
  const { ops } = sdxl
  const guided = guidanceScale !== 1
  const owned: { dispose(): void }[] = []
  const own = <T extends { dispose(): void }>(value: T): T => {
    owned.push(value)
    return value
  }
  try {
    // What does not change from step to step.
    const prompts = requests.map(({ prompt }) => prompt)
    const negatives = requests.map(({ negativePrompt = "" }) => negativePrompt)
    const text = encodePrompts(ops, sdxl, guided ? [...negatives, ...prompts] : prompts)
    const [context, pooled] = [own(text.context), own(text.pooled)]
    const size = options.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
    const vector = own(conditionVector(pooled, Array(pooled.shape[0]).fill(size)))
    const controls = adapters.map((use) => own(prepareControl(ops, use.lllite, joinControls(use, requests.length))))
    ops.trim?.()

    const schedule = createNoiseSchedule()
    const sampler = findSampler(options.sampler ?? "euler")
    const levels = noiseLevels(schedule, steps, options.spacing ?? sampler.spacing)
    const last = schedule.alphasCumprod.length - 1
    const network: Network = async (input, { timestep }) => {
      await pause?.()
      signal?.throwIfAborted()
      const latents = input as Tensor4D
      const tap = tapAt(sdxl, adapters, controls, 1 - timestep / last, options.combine ?? "chain")
      const timesteps = Array.from({ length: latents.shape[0] }, () => timestep)
      return unet(ops, sdxl.unet, { latents, timesteps, context, vector }, { tap })
    }
    const denoise = createDenoiser(guided ? withGuidance(network, guidanceScale) : network, {
      prediction: sdxl.prediction,
      timestepOf: levels.timestepOf,
    })
    const shape = [height / 8, width / 8, sdxl.unet.config.outChannels] as const
    const noise = createNoiseSource(
      options.noise ?? "lllite",
      requests.map(({ seed }) => seed),
      shape,
      levels.sigmas,
    )
    const unit = own(noise.start())
    const start = own(tf.mul(unit, startFactor(sampler, levels.sigmas[0] as number)))
    const walk = sampler.sample(denoise, start, levels.sigmas, {
      options: options.samplerOptions ?? {},
      noise: noise.between,
    })
    let latents: Tensor | null = null
    try {
      for (let next = await walk.next(); ; next = await walk.next()) {
        if (next.done === true) {
          latents = own(next.value)
          break
        }
        const { index, count, sigma, denoised } = next.value
        yield { kind: "step", step: index + 1, steps: count, sigma, denoised: denoised as Tensor4D }
      }
    } finally {
      if (latents === null) await walk.return(start)
    }
    ops.trim?.()
    // One at a time: a decoder's memory is that of its largest layer times the batch.
    for (const [index, { seed }] of requests.entries()) {
      await pause?.()
      signal?.throwIfAborted()
      yield { kind: "image", index, seed, image: await decodeOne(sdxl, latents as Tensor4D, index, vaeSlices) }
    }
  } finally {
    for (const value of owned) value.dispose()
    ops.trim?.()
  }
}

/** What stands before the layers at a place on the noise schedule, 0 (pure noise) to 1. */
function tapAt(
  { ops }: Sdxl,
  adapters: readonly AdapterUse[],
  controls: readonly PreparedControl[],
  progress: number,
  combine: "chain" | "sum",
) {
  const active = adapters.flatMap(({ lllite, strength = 1, start = 0, end = 1 }, i) =>
    progress >= start && progress <= end ? [llliteTap(ops, lllite, controls[i] as PreparedControl, strength)] : [],
  )
  return combine === "chain" ? chainTaps(active) : sumTaps(active)
}

async function decodeOne(sdxl: Sdxl, latents: Tensor4D, index: number, slices: number): Promise<RgbImage> {
  const [, rows, columns, channels] = latents.shape
  const picture = tf.tidy(() => {
    const own = tf.slice(latents, [index, 0, 0, 0], [1, rows, columns, channels])
    return decodeLatents(sdxl.ops, sdxl.vae, own, { slices })
  })
  const values = await picture.data<"float32">()
  picture.dispose()
  return floatsToImage(values, 8 * columns, 8 * rows)
}

function joinControls({ control }: AdapterUse, count: number) {
  const images = Array.isArray(control) ? (control as readonly RgbImage[]) : [control as RgbImage]
  const [{ width, height }] = images as readonly [RgbImage]
  if (images.length !== 1 && images.length !== count) {
    throw new CoreError(`generate: ${images.length} control images for ${count} pictures, expected 1 or ${count}`)
  }
  const data = new Float32Array(images.length * width * height * 3)
  for (const [i, image] of images.entries()) data.set(imageToFloats(image), i * width * height * 3)
  return { count: images.length, width, height, data }
}

/**
 * Checks what is asked for, before anything is computed.
 *
 * @throws CoreError when an option is out of range or a control has another size
 */
export function checkRequest(requests: readonly PictureRequest[], options: GenerateOptions): void {
  const { width, height, steps = 20, guidanceScale = 7.5, adapters = [], vaeSlices = 1 } = options
  const expect = (good: boolean, what: string): void => {
    if (!good) throw new CoreError(`generate: ${what}`)
  }
  expect(requests.length > 0, "no picture is asked for, expected at least one")
  for (const [name, pixels] of Object.entries({ width, height })) {
    const near = Math.max(32, Math.round(pixels / 32) * 32)
    expect(
      Number.isSafeInteger(pixels) && pixels >= 32 && pixels % 32 === 0,
      `${name} is ${pixels}, expected a multiple of 32. The nearest is ${near}.`,
    )
  }
  expect(Number.isSafeInteger(steps) && steps >= 1, `steps is ${steps}, expected a positive integer`)
  // Said here and not after all the steps.
  expect(Number.isSafeInteger(vaeSlices) && vaeSlices >= 1, `vaeSlices is ${vaeSlices}, expected a positive integer`)
  checkSamplerOptions(findSampler(options.sampler ?? "euler"), options.samplerOptions ?? {})
  expect(Number.isFinite(guidanceScale), `guidanceScale is ${guidanceScale}, expected a number`)
  for (const { control, strength = 1, start = 0, end = 1 } of adapters) {
    expect(Number.isFinite(strength), `strength is ${strength}, expected a number`)
    expect(
      start >= 0 && start <= end && end <= 1,
      `an adapter runs from ${start} to ${end}, expected 0 ≤ start ≤ end ≤ 1`,
    )
    for (const image of Array.isArray(control) ? (control as readonly RgbImage[]) : [control as RgbImage]) {
      expect(
        image.width === width && image.height === height,
        `a control image is ${image.width}×${image.height} px, the picture ${width}×${height}. Resize the control.`,
      )
    }
  }
}
