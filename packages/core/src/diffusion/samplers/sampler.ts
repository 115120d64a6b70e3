import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { Denoise } from "../denoiser.ts"
import type { SamplerOptionName, SamplerOptions, SamplerOptionValue } from "../names.ts"
import type { StepPosition } from "../pass-position.ts"

/**
 * The event of a sampler at each step. The tensors belong to the sampler. They are valid until the consumer requests
 * the next step or ends the loop. Use `tf.clone` to keep a tensor longer.
 */
export interface SamplerStep {
  /** The index of the step, from 0. */
  readonly index: number
  /** The number of steps. */
  readonly count: number
  /** Noise level of `x`. */
  readonly sigma: number
  /** The sample at the start of this step: x0 + sigma * noise. */
  readonly x: tf.Tensor
  /** The estimate of x0 from `x`. */
  readonly denoised: tf.Tensor
}

/** The interval between two noise levels. `to` is below `from`, except where a sampler adds churn. */
export interface NoiseInterval {
  readonly from: number
  readonly to: number
  /** How often a sampler has crossed the interval before, for those that go back. Default: 0. */
  readonly repeat?: number
}

/**
 * Unit normal noise of the sample's shape for an interval. The result is a new tensor, which the sampler disposes. The
 * same interval always gives the same noise, in any order of calls.
 */
export type IntervalNoise = (interval: NoiseInterval) => tf.Tensor

/**
 * Changes the sample after each step, for example to restore a picture where a mask protects it.
 *
 * @param x the sample, which the sampler disposes.
 * @param at the step that led here, and the noise level of `x`.
 * @returns a new tensor of x's shape, which replaces `x`.
 */
export type AfterStep = (
  x: tf.Tensor,
  at: { readonly step: number; readonly steps: number; readonly sigma: number },
) => tf.Tensor | Promise<tf.Tensor>

/** Settings of a sampler's run, beside its denoiser, start and levels. */
export interface SampleSettings {
  /** The sampler's options. See `SAMPLERS`. */
  readonly options?: SamplerOptions
  /** The source of noise. It is required if the sampler adds noise with its options. */
  readonly noise?: IntervalNoise
  /**
   * Levels before the walk, the latest first. LMS of diffusers counts them in a run that begins late, although it has
   * no slopes there. Default: none.
   */
  readonly missed?: readonly number[]
  readonly afterStep?: AfterStep
  /** The network's timesteps, which `pndm`, `plms`, `lcm` and `tcd` read. Default: those of SDXL's schedule. */
  readonly timesteps?: TimestepMap
}

/** Which timestep a noise level has, and the other way. */
export interface TimestepMap {
  readonly timestepOf: (sigma: number) => number
  readonly sigmaOf: (timestep: number) => number
}

/**
 * A walk from noise to a sample, in the variance-exploding scale x = x0 + sigma * noise.
 *
 * @param denoise estimates x0. The sampler disposes each estimate.
 * @param start the sample at `sigmas[0]`, which the caller keeps.
 * @param sigmas falling noise levels, one more than the number of steps. The walk ends at the last one, mostly 0.
 * @returns a generator that yields every step and returns the final sample, which belongs to the consumer. If the
 * consumer ends it early (`return()`, or `break` in a loop), it disposes all its tensors.
 * @throws CoreError for an unknown option, an option out of range, or a missing source of noise.
 */
export type Sampler = (
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  settings?: SampleSettings,
) => AsyncGenerator<SamplerStep, tf.Tensor, void>

/** A point of the walk and the estimate of x0 from there. */
export interface Point {
  readonly sigma: number
  readonly x: tf.Tensor
  readonly denoised: tf.Tensor
}

/** The values that one step of a method may use. */
export interface Advance extends Point {
  readonly index: number
  /** The noise level at the end of the step. */
  readonly nextSigma: number
  /** The points before this one, the latest first. The method sets their number with `memory`. */
  readonly past: readonly Point[]
  /** Estimates x0 between this step and the next one, for methods that evaluate more than once in a step. */
  readonly evaluate: (x: tf.Tensor, sigma: number) => Promise<tf.Tensor>
}

/** A sample and its level. */
export type Sample = Omit<Point, "denoised">

/** A sampling method without the loop. */
export interface Method {
  /** The number of earlier points that it uses. Default: 0. */
  readonly memory?: number
  /** The steps, if they are not those from level to level. A step may begin above the end of the one before. */
  readonly intervals?: readonly NoiseInterval[]
  /** A sample at a higher level, from which the step at `index` begins instead. Null for no change. */
  readonly raise?: (sample: Sample, index: number) => Sample | null
  /**
   * For predictor-correctors: a better sample at the current level, from the estimate there. It is a new tensor, which
   * replaces `x` from here on. Not called at the first point.
   */
  readonly correct?: (point: Point, past: readonly Point[], index: number) => tf.Tensor
  /**
   * The sample at `nextSigma`, as a new tensor. A method that chooses its own steps may return a sample above
   * `nextSigma`. The walk then goes on from there.
   */
  readonly advance: (step: Advance) => tf.Tensor | Sample | Promise<tf.Tensor | Sample>
  /** Disposes the tensors that the method keeps. */
  readonly dispose?: () => void
}

/** The arguments of a method: the levels of a run, its noise, and the method's options with their defaults. */
export interface MethodRun<Name extends SamplerOptionName = never> {
  readonly sigmas: readonly number[]
  readonly noise: IntervalNoise
  readonly timesteps: TimestepMap
  readonly options: { readonly [Option in Name]: SamplerOptionValue<Option> }
  /** See `SampleSettings`. */
  readonly missed: readonly number[]
}

/** The loop of all samplers: evaluate, yield, advance. It disposes every tensor in between. */
export async function* walk(
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  method: () => Method,
  afterStep?: AfterStep,
): AsyncGenerator<SamplerStep, tf.Tensor, void> {
  checkArgument("sampler: the denoiser", denoise, "a function")
  checkArgument("sampler: the start", start, "a tensor")
  checkSigmas(sigmas)
  const { memory = 0, intervals = stepsBetween(sigmas), raise, correct, advance, dispose } = method()
  const past: Point[] = []
  let x = tf.clone(start)
  let sigma = sigmas[0] as number
  let denoised: tf.Tensor | undefined
  let finished = false
  /** Steps that were walked. A method that chooses its own may walk more than there are levels. */
  let index = 0
  const isFree = intervals.length === 1
  try {
    for (const { to: nextSigma } of intervals) {
      do {
        const count = Math.max(isFree ? sigmas.length - 1 : intervals.length, index + 1)
        const raised = raise?.({ sigma, x }, index) ?? null
        if (raised !== null) {
          x.dispose()
          ;({ sigma, x } = raised)
        }
        // Some levels of diffusers end with a step of no length.
        if (sigma === nextSigma) break
        denoised = await denoise(x, sigma, { step: index, steps: count, between: false })
        checkArgument("sampler: what the denoiser gives", denoised, "a tensor")
        yield { index, count, sigma, x, denoised }
        if (correct !== undefined && index > 0) {
          const corrected = correct({ sigma, x, denoised }, past, index)
          x.dispose()
          x = corrected
        }
        const point: Point = { sigma, x, denoised }
        const at: StepPosition = { step: index, steps: count, between: true }
        const evaluate = async (between: tf.Tensor, level: number): Promise<tf.Tensor> => denoise(between, level, at)
        const reached = await advance({ ...point, index, nextSigma, past, evaluate })
        ;({ sigma, x } = "sigma" in reached ? reached : { sigma: nextSigma, x: reached })
        past.unshift(point)
        denoised = undefined
        for (const forgotten of past.splice(memory)) tf.dispose([forgotten.x, forgotten.denoised])
        if (afterStep !== undefined) {
          const changed = await afterStep(x, { step: index, steps: count, sigma })
          x.dispose()
          x = changed
        }
        index += 1
      } while (sigma > nextSigma)
    }
    finished = true
    return x
  } finally {
    denoised?.dispose()
    dispose?.()
    for (const point of past) tf.dispose([point.x, point.denoised])
    if (!finished) x.dispose()
  }
}

/** The steps from level to level. */
export function stepsBetween(sigmas: readonly number[]): readonly NoiseInterval[] {
  return sigmas.slice(1).map((to, i) => ({ from: sigmas[i] as number, to }))
}

/**
 * Runs a sampler to its end.
 *
 * @returns the final sample, which belongs to the caller.
 */
export async function finish(steps: AsyncGenerator<SamplerStep, tf.Tensor, void>): Promise<tf.Tensor> {
  for (;;) {
    const result = await steps.next()
    if (result.done) return result.value
  }
}

/** dx/dsigma = (x - denoised) / sigma, the direction of the probability flow: the noise in x. */
export function derivative({ sigma, x, denoised }: Point): tf.Tensor {
  return tf.tidy(() => tf.div(tf.sub(x, denoised), sigma))
}

/**
 * The sample at `sigma` on the straight line through a point and its estimate of x0, as in Euler's method. The formula
 * mixes the two. x + slope * (sigma' - sigma) would lose digits where sigma is large.
 */
export function straight({ sigma: from, x, denoised }: Point, sigma: number): tf.Tensor {
  return tf.tidy(() => tf.add(denoised, tf.mul(tf.sub(x, denoised), sigma / from)))
}

/** The sum of tensors, each times its factor. */
export function weighted(terms: readonly (readonly [tensor: tf.Tensor, factor: number])[]): tf.Tensor {
  return tf.tidy(() => terms.map(([tensor, factor]) => tf.mul(tensor, factor)).reduce((sum, term) => tf.add(sum, term)))
}

/** Uses a tensor, and disposes it afterwards. */
export async function disposeAfter<T>(tensor: tf.Tensor, use: (tensor: tf.Tensor) => T | Promise<T>): Promise<T> {
  try {
    return await use(tensor)
  } finally {
    tensor.dispose()
  }
}

function checkSigmas(sigmas: readonly number[]): void {
  checkArgument("sampler: the levels", sigmas, "a list")
  if (sigmas.length < 2) {
    throw new CoreError("sigmas", `sampler: expected at least two sigmas (a start and an end), got ${sigmas.length}`)
  }
  for (let i = 0; i < sigmas.length; i++) {
    const sigma = sigmas[i] as number
    const before = sigmas[i - 1] ?? Number.POSITIVE_INFINITY
    const isLast = i === sigmas.length - 1
    // The smallest level may be the end, too. Its step has no length.
    const falls = sigma < before || (isLast && i > 1 && sigma === before)
    if (!Number.isFinite(sigma) || sigma < 0 || (sigma === 0 && !isLast) || !falls) {
      throw new CoreError(
        "sigmas",
        `sampler: sigmas must be finite, fall, and be positive before the last, got ${sigma} at ${i} of ` +
          `[${sigmas.join(", ")}]`,
      )
    }
  }
}
