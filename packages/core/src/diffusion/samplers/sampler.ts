import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Denoise } from "../denoiser.ts"
import type { SamplerOptionName, SamplerOptions } from "../names.ts"

/**
 * What a sampler yields at each step, before it goes on. The tensors belong to the sampler. They are valid until the
 * consumer asks for the next step, or ends the loop: `tf.clone` what should live longer.
 */
export interface SamplerStep {
  /** Which step this is, from 0. */
  readonly index: number
  /** How many steps there are. */
  readonly count: number
  /** Noise level of `x`. */
  readonly sigma: number
  /** The sample this step starts from: x0 + sigma * noise. */
  readonly x: tf.Tensor
  /** The estimate of x0 seen from `x`. */
  readonly denoised: tf.Tensor
}

/** The way between two noise levels. It falls from `from` to `to`; where a sampler adds churn, it rises. */
export interface NoiseInterval {
  readonly from: number
  readonly to: number
}

/**
 * Unit normal noise of the sample's shape for an interval: a new tensor, which the sampler disposes. The same interval
 * gives the same noise, however often and in whatever order it is asked for.
 */
export type IntervalNoise = (interval: NoiseInterval) => tf.Tensor

/**
 * What is done to the sample after each step, for example putting a picture back where a mask protects it.
 *
 * @param x the sample; stays the sampler's.
 * @param at the step that led here, and the noise level of `x`.
 * @returns a new tensor of x's shape, which takes the place of `x`.
 */
export type AfterStep = (
  x: tf.Tensor,
  at: { readonly step: number; readonly steps: number; readonly sigma: number },
) => tf.Tensor | Promise<tf.Tensor>

/** What a run of a sampler may be given beside its denoiser, start and levels. */
export interface SampleSettings {
  /** Those that the sampler takes; see `SAMPLERS`. */
  readonly options?: SamplerOptions
  /** What a sampler adds on the way. Needed where the options make it add noise. */
  readonly noise?: IntervalNoise
  readonly afterStep?: AfterStep
}

/**
 * A walk from noise to a sample, in the variance-exploding scale x = x0 + sigma * noise.
 *
 * @param denoise estimates x0; each estimate is disposed by the sampler.
 * @param start the sample at `sigmas[0]`; stays the caller's.
 * @param sigmas falling noise levels, one more than there are steps; the last is where the walk ends, mostly 0.
 * @returns a generator that yields every step and returns the final sample, which belongs to the consumer. Ending the
 * generator early (`return()`, or `break` in a loop) disposes all it holds.
 * @throws CoreError for an option that the sampler does not take or that is out of range, and where it adds noise and
 * is given no source of it.
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

/** All that one step of a method may look at. */
export interface Advance extends Point {
  readonly index: number
  /** Where the step leads. */
  readonly nextSigma: number
  /** The points before this one, the latest first; as many as the method remembers. */
  readonly past: readonly Point[]
  /** The estimate of x0 between this step and the next one, for methods that evaluate more than once in a step. */
  readonly evaluate: (x: tf.Tensor, sigma: number) => Promise<tf.Tensor>
}

/** A sampling method, but for the loop. */
export interface Method {
  /** How many points before the current one it looks at. Default 0. */
  readonly memory?: number
  /** A sample at a higher level, from which the step at `index` is taken instead; null where it stays as it is. */
  readonly raise?: (sample: Omit<Point, "denoised">, index: number) => Omit<Point, "denoised"> | null
  /**
   * For predictor-correctors: a better sample at the current level, seen from the estimate there; a new tensor. It takes
   * the place of `x` from here on. Not called at the first point.
   */
  readonly correct?: (point: Point, past: readonly Point[]) => tf.Tensor
  /** The sample at `nextSigma`, as a new tensor. */
  readonly advance: (step: Advance) => tf.Tensor | Promise<tf.Tensor>
}

/** What a method is made for: the levels of a run, its noise, and the options that the method takes, all filled in. */
export interface MethodRun<Name extends SamplerOptionName = never> {
  readonly sigmas: readonly number[]
  readonly noise: IntervalNoise
  readonly options: Readonly<Record<Name, number>>
}

/** The loop all samplers share: evaluate, show, advance, and own every tensor in between. */
export async function* walk(
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  { memory = 0, raise, correct, advance }: Method,
  afterStep?: AfterStep,
): AsyncGenerator<SamplerStep, tf.Tensor, void> {
  checkSigmas(sigmas)
  const count = sigmas.length - 1
  const past: Point[] = []
  let x = tf.clone(start)
  let denoised: tf.Tensor | undefined
  let finished = false
  try {
    for (let index = 0; index < count; index++) {
      let sigma = sigmas[index] as number
      const raised = raise?.({ sigma, x }, index) ?? null
      if (raised !== null) {
        x.dispose()
        ;({ sigma, x } = raised)
      }
      denoised = await denoise(x, sigma, { step: index, steps: count, between: false })
      yield { index, count, sigma, x, denoised }
      if (correct !== undefined && index > 0) {
        const corrected = correct({ sigma, x, denoised }, past)
        x.dispose()
        x = corrected
      }
      const point: Point = { sigma, x, denoised }
      const nextSigma = sigmas[index + 1] as number
      x = await advance({
        ...point,
        index,
        nextSigma,
        past,
        evaluate: async (between, level) => denoise(between, level, { step: index, steps: count, between: true }),
      })
      past.unshift(point)
      denoised = undefined
      for (const forgotten of past.splice(memory)) tf.dispose([forgotten.x, forgotten.denoised])
      if (afterStep !== undefined) {
        const changed = await afterStep(x, { step: index, steps: count, sigma: nextSigma })
        x.dispose()
        x = changed
      }
    }
    finished = true
    return x
  } finally {
    denoised?.dispose()
    for (const point of past) tf.dispose([point.x, point.denoised])
    if (!finished) x.dispose()
  }
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
 * The sample at `sigma` on the straight line through a point and its estimate of x0, where Euler's method goes. Written
 * as a mix of the two rather than as x + slope * (sigma' - sigma), which loses its digits where sigma is large.
 */
export function straight({ sigma: from, x, denoised }: Point, sigma: number): tf.Tensor {
  return tf.tidy(() => tf.add(denoised, tf.mul(tf.sub(x, denoised), sigma / from)))
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
  if (sigmas.length < 2) {
    throw new CoreError(`sampler: expected at least two sigmas (a start and an end), got ${sigmas.length}`)
  }
  for (let i = 0; i < sigmas.length; i++) {
    const sigma = sigmas[i] as number
    const falls = i === 0 || sigma < (sigmas[i - 1] as number)
    const isLast = i === sigmas.length - 1
    if (!Number.isFinite(sigma) || sigma < 0 || (sigma === 0 && !isLast) || !falls) {
      throw new CoreError(
        `sampler: sigmas must be finite, fall, and be positive up to the last, got ${sigma} at ${i} of ` +
          `[${sigmas.join(", ")}]`,
      )
    }
  }
}
