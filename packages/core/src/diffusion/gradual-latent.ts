import { checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { NumberRange } from "../number-range.ts"
import { checkRanges } from "../number-range.ts"

/** Sharpens latents after they have grown: x + strength · (x - blur(x)). */
export interface LatentUnsharp {
  /** The side of the Gaussian kernel, an odd number of latent pixels. */
  readonly kernel: number
  /** The deviation of the Gaussian, in latent pixels. */
  readonly sigma: number
  readonly strength: number
  /**
   * `step`: the latents at the end of the step are sharpened. `start`: those at its beginning are, and what the network
   * predicts is not. Default: `step`.
   */
  readonly target?: "step" | "start"
}

/**
 * Gradual latent: a run begins with smaller latents, which grow between steps. So a large picture gets one composition.
 *
 * Source: sd-scripts `library/sdxl_train_util.py` and `gen_img.py`, "Gradual Latent hires fix".
 */
export interface GradualLatent {
  /** Latents grow at steps below this timestep. Default: 650. */
  readonly timestep?: number
  /** The factor on both sides at the beginning, above 0 and below 1. Default: 0.5. */
  readonly ratio?: number
  /** What each growth adds to the factor. Default: 0.125. */
  readonly ratioStep?: number
  /** The steps from one growth to the next. Default: 3. */
  readonly everySteps?: number
  /** The factor on the noise of a step that grows. Default: 1. */
  readonly sNoise?: number
  /** Default: null, no sharpening. */
  readonly unsharp?: LatentUnsharp | null
}

/** Defaults of `GradualLatent`. */
export const GRADUAL_LATENT_DEFAULTS = {
  timestep: 650,
  ratio: 0.5,
  ratioStep: 0.125,
  everySteps: 3,
  sNoise: 1,
  unsharp: null,
} as const

/** Ranges of `GradualLatent`. */
export const GRADUAL_LATENT_RANGES = {
  timestep: { min: 0, max: 1000 },
  ratio: { above: 0, below: 1 },
  ratioStep: { above: 0, max: 1 },
  everySteps: { integer: true, min: 1, max: 1000 },
  sNoise: { min: 0, max: 100 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `LatentUnsharp`. */
export const LATENT_UNSHARP_RANGES = {
  kernel: { integer: true, min: 1, max: 63 },
  sigma: { above: 0, max: 100 },
  strength: { min: -100, max: 100 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Rows and columns of latents. */
interface Sides {
  readonly height: number
  readonly width: number
}

/** The sizes of latents in a run. */
export interface GradualSizes {
  readonly start: Sides
  /** The size to which the latents grow at each step. Null: they keep their size. */
  readonly growth: readonly (Sides | null)[]
}

/** Sides between the first and the full size are multiples of this, as in sd-scripts. */
const LATENT_MULTIPLE = 8

/**
 * The sizes of latents in a run. With few steps, sd-scripts' rules end below the full size. The growths then follow
 * each other faster, and if that is not enough they are larger, so that the run ends at the full size.
 *
 * @param timesteps The steps that run
 * @param isCopied Keeps sd-scripts' rules, also if the run ends below the full size
 */
export function gradualSizes(
  gradual: GradualLatent,
  timesteps: readonly number[],
  full: Sides,
  isCopied = false,
): GradualSizes {
  const { timestep, ratio, ratioStep, everySteps } = { ...GRADUAL_LATENT_DEFAULTS, ...gradual }
  const start = { height: Math.floor(full.height * ratio), width: Math.floor(full.width * ratio) }
  if (isCopied) return { start, growth: growthOf(timesteps, full, timestep, ratio, ratioStep, everySteps, true) }
  const open = timesteps.filter((each) => each < timestep).length
  // A run without a step below the timestep grows at its last step.
  if (open === 0) return { start, growth: timesteps.map((_, i) => (i === timesteps.length - 1 ? full : null)) }
  const growths = Math.ceil((1 - ratio) / ratioStep - 1e-9)
  const interval = growths === 1 ? everySteps : Math.min(everySteps, Math.floor((open - 1) / (growths - 1)))
  const growth =
    interval >= 1
      ? growthOf(timesteps, full, timestep, ratio, ratioStep, interval, false)
      : growthOf(timesteps, full, timestep, ratio, (1 - ratio) / open, 1, false)
  return { start, growth }
}

function growthOf(
  timesteps: readonly number[],
  { height, width }: Sides,
  from: number,
  ratio: number,
  ratioStep: number,
  everySteps: number,
  isCopied: boolean,
): readonly (Sides | null)[] {
  let current = ratio
  let elapsed = Number.POSITIVE_INFINITY
  return timesteps.map((timestep) => {
    if (timestep >= from) return null
    let size: Sides | null = null
    if (current < 1 && elapsed >= everySteps) {
      current = Math.min(current + ratioStep, 1)
      if (!isCopied && current > 1 - 1e-9) current = 1
      size =
        current === 1 && !isCopied
          ? { height, width }
          : { height: floored(height * current), width: floored(width * current) }
      elapsed = 0
    }
    elapsed += 1
    return size
  })
}

function floored(side: number): number {
  return Math.max(LATENT_MULTIPLE, Math.floor(Math.floor(side) / LATENT_MULTIPLE) * LATENT_MULTIPLE)
}

const KINDS: OptionKinds<GradualLatent> = {
  timestep: "a number",
  ratio: "a number",
  ratioStep: "a number",
  everySteps: "a number",
  sNoise: "a number",
  unsharp: "an object or null",
}

const UNSHARP_KINDS: OptionKinds<LatentUnsharp> = {
  kernel: "a number",
  sigma: "a number",
  strength: "a number",
  target: "text",
}

/** Checks the settings. @throws CoreError that names the one that is wrong */
export function checkGradualLatent(gradual: GradualLatent): void {
  checkOptions("generate: gradualLatent", gradual, KINDS)
  checkRanges("generate: gradualLatent", { ...gradual }, GRADUAL_LATENT_RANGES)
  const { unsharp } = gradual
  if (unsharp == null) return
  checkOptions("generate: gradualLatent: unsharp", unsharp, UNSHARP_KINDS, ["kernel", "sigma", "strength"])
  checkRanges("generate: gradualLatent: unsharp", { ...unsharp }, LATENT_UNSHARP_RANGES)
  if (unsharp.kernel % 2 === 0) {
    throw new CoreError(
      "option-range",
      `generate: gradualLatent: unsharp: kernel is ${unsharp.kernel}, expected an odd number`,
    )
  }
}
