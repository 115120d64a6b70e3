import type { NoiseSchedule } from "../diffusion/schedule.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { type ResizeKernel, resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"
import { addSeeds } from "../random/seed.ts"
import type { AdapterUse } from "./adapters.ts"
import { firstSides, firstSize, HIRES_DEFAULTS, type HiresFix, secondSampling } from "./hires-fix.ts"
import { planSampling, type SamplingPlan } from "./plan-sampling.ts"
import type { GenerateOptions, PictureRequest } from "./request.ts"
import { listOf, type StartPicture, type StartSteps, startSteps } from "./start-picture.ts"

/** A stage of a run: one walk over latents of one size. */
export interface Stage {
  readonly requests: readonly PictureRequest[]
  /** The stage's own size, steps, adapters and strength. */
  readonly options: GenerateOptions
  readonly size: SizeCondition
  readonly negativeSize: SizeCondition
  readonly plan: SamplingPlan
  readonly steps: StartSteps
  /** The program whose start is copied, see `StartPicture.compat`. */
  readonly compat: NonNullable<StartPicture["compat"]> | null
}

/**
 * The stages of a run: one, or with hires fix two. The second has the next seed, as in sd-scripts.
 *
 * @throws CoreError for a sampler's wrong option, or too many steps
 */
export function planStages(
  requests: readonly PictureRequest[],
  options: GenerateOptions,
  schedule: NoiseSchedule,
): readonly [Stage, ...Stage[]] {
  const { hires = null } = options
  if (hires === null) return [stageOf(requests, options, options.start ?? null, schedule)]
  const { strength, control, compat = null, stepsOffset } = { ...HIRES_DEFAULTS, ...hires }
  const first = firstOptions(options, hires)
  const second = {
    ...options,
    ...secondSampling(hires),
    ...(control ? {} : { adapters: [], controlNets: [] }),
  }
  const { seedOffset } = { ...HIRES_DEFAULTS, ...hires }
  const next = requests.map((request) => ({ ...request, seed: addSeeds(request.seed, seedOffset) }))
  const again = { strength, compat, ...(stepsOffset === undefined ? {} : { stepsOffset }) }
  return [stageOf(requests, first, options.start ?? null, schedule), stageOf(next, second, again, schedule)]
}

function stageOf(
  requests: readonly PictureRequest[],
  options: GenerateOptions,
  from: Partial<StartPicture> | null,
  schedule: NoiseSchedule,
): Stage {
  const { width, height } = options
  const plan = planSampling({ ...options, schedule })
  const count = plan.levels.timesteps.length
  const size = options.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  const steps = from === null ? { level: 0, from: 0 } : startSteps(count, withOffset(plan, from))
  return {
    requests,
    options,
    size,
    negativeSize: options.negativeSize ?? size,
    plan,
    steps,
    compat: from?.compat ?? null,
  }
}

/** sd-scripts sets no offset for `dpmsingle`. */
function withOffset({ sampler }: SamplingPlan, from: Partial<StartPicture>): Partial<StartPicture> {
  return sampler.name === "dpmsingle" && from.stepsOffset === undefined ? { ...from, stepsOffset: 0 } : from
}

/** The first stage's options: everything that is a length is scaled. */
function firstOptions(options: GenerateOptions, hires: HiresFix): GenerateOptions {
  const { width, height } = firstSides(options, hires)
  const scaled = (size: SizeCondition): SizeCondition => firstSize(size, hires, [height, width])
  return {
    ...options,
    ...{ width, height, steps: hires.steps ?? HIRES_DEFAULTS.steps },
    ...(options.size === undefined ? {} : { size: scaled(options.size) }),
    ...(options.negativeSize === undefined ? {} : { negativeSize: scaled(options.negativeSize) }),
    adapters: (options.adapters ?? []).map((use) => scaledUse(use, { width, height }, hires)),
    controlNets: (options.controlNets ?? []).map((use) => scaledUse(use, { width, height }, hires)),
  }
}

/** The use of an adapter or a ControlNet, with its controls and masks in the size of a first stage. */
function scaledUse<Use extends Pick<AdapterUse, "control" | "mask" | "maskFeather">>(
  { control, mask, maskFeather, ...use }: Use,
  size: PictureSize,
  { scale }: HiresFix,
): Omit<Use, "control" | "mask" | "maskFeather"> & Pick<AdapterUse, "control" | "mask" | "maskFeather"> {
  return {
    ...use,
    control: resizedList(control, size, "lanczos"),
    ...(mask === undefined ? {} : { mask: resizedList(mask, size, "bilinear") }),
    ...(maskFeather === undefined ? {} : { maskFeather: maskFeather * scale }),
  }
}

type PictureSize = Pick<GenerateOptions, "width" | "height">

function resizedList(
  images: RgbImage | readonly RgbImage[],
  { width, height }: PictureSize,
  kernel: ResizeKernel,
): readonly RgbImage[] {
  return listOf(images).map((image) => resizeImage(image, width, height, kernel))
}

/** The number of steps that a stage runs. */
export function stepsOf({ plan, steps }: Stage): number {
  return plan.levels.timesteps.length - steps.from
}
