import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Denoise } from "../denoiser.ts"

/**
 * What a sampler tells at each step, before it goes on. The tensors belong to the sampler and are valid until the consumer asks
 * for the next step (or ends the loop): `tf.clone` what should live longer.
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

/**
 * Unit normal noise of the sample's shape, for the step `index`: a new tensor, disposed by the sampler. The same index
 * must give the same noise if a run is to be made again.
 */
export type StepNoise = (index: number) => tf.Tensor

/**
 * A walk from noise to a sample, in the variance-exploding scale x = x0 + sigma * noise.
 *
 * @param denoise estimates x0; each estimate is disposed by the sampler.
 * @param start the sample at `sigmas[0]`; stays the caller's.
 * @param sigmas falling noise levels, one more than there are steps; the last is where the walk ends, mostly 0.
 * @param noise what a sampler adds on the way, if it is one that does; it throws CoreError without. Others never ask.
 * @returns a generator that yields every step and returns the final sample, which belongs to the consumer. Ending the
 * generator early (`return()`, or `break` in a loop) disposes all it holds.
 */
export type Sampler = (
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  noise?: StepNoise,
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
}

/** A sampling method, but for the loop. */
export interface Method {
  /** How many points before the current one it looks at. Default 0. */
  readonly memory?: number
  /**
   * For predictor-correctors: a better sample at the current level, seen from the estimate there; a new tensor. It takes
   * the place of `x` from here on. Not called at the first point.
   */
  readonly correct?: (point: Point, past: readonly Point[]) => tf.Tensor
  /** The sample at `nextSigma`, as a new tensor. */
  readonly advance: (step: Advance) => tf.Tensor | Promise<tf.Tensor>
}

/** The loop all samplers share: evaluate, show, advance, and own every tensor in between. */
export async function* walk(
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  { memory = 0, correct, advance }: Method,
): AsyncGenerator<SamplerStep, tf.Tensor, void> {
  checkSigmas(sigmas)
  const count = sigmas.length - 1
  const past: Point[] = []
  let x = tf.clone(start)
  let denoised: tf.Tensor | undefined
  let finished = false
  try {
    for (let index = 0; index < count; index++) {
      const sigma = sigmas[index] as number
      denoised = await denoise(x, sigma)
      yield { index, count, sigma, x, denoised }
      if (correct !== undefined && index > 0) {
        const corrected = correct({ sigma, x, denoised }, past)
        x.dispose()
        x = corrected
      }
      const point: Point = { sigma, x, denoised }
      x = await advance({ index, nextSigma: sigmas[index + 1] as number, past, ...point })
      past.unshift(point)
      denoised = undefined
      for (const forgotten of past.splice(memory)) tf.dispose([forgotten.x, forgotten.denoised])
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

/** Lends a tensor for as long as `use` takes, then disposes it. */
export async function lend<T>(tensor: tf.Tensor, use: (tensor: tf.Tensor) => T | Promise<T>): Promise<T> {
  try {
    return await use(tensor)
  } finally {
    tensor.dispose()
  }
}

/**
 * The noise of a method that cannot do without.
 *
 * @throws CoreError when there is none.
 */
export function requireNoise(method: string, noise: StepNoise | undefined): StepNoise {
  if (noise !== undefined) return noise
  throw new CoreError(`sampler: "${method}" adds noise at every step. Pass a source of it as the fourth argument.`)
}

/**
 * An ancestral step to `next`: how far down to go without noise, and how much noise then leads back up to `next`.
 *
 * Source: k-diffusion `get_ancestral_step` with eta 1; Song et al. 2021 (arXiv:2010.02502), equation 16.
 */
export function ancestralStep(sigma: number, next: number): { readonly down: number; readonly up: number } {
  const up = next * Math.sqrt(1 - (next / sigma) ** 2)
  return { up, down: next ** 2 / sigma }
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
