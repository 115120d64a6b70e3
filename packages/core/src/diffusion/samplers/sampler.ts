import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Denoise } from "../denoiser.ts"

/**
 * What a sampler tells after each evaluation. The tensors belong to the sampler and are valid until the consumer asks
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
 * A walk from noise to a sample, in the variance-exploding scale x = x0 + sigma * noise.
 *
 * @param denoise estimates x0; each estimate is disposed by the sampler.
 * @param start the sample at `sigmas[0]`; stays the caller's.
 * @param sigmas falling noise levels, one more than there are steps; the last is where the walk ends, mostly 0.
 * @returns a generator that yields every step and returns the final sample, which belongs to the consumer. Ending the
 * generator early (`return()`, or `break` in a loop) disposes all it holds.
 */
export type Sampler = (
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
) => AsyncGenerator<SamplerStep, tf.Tensor, void>

/** One step of a method: all it may look at. The previous estimate is there from the second step on. */
export interface Advance {
  readonly index: number
  readonly x: tf.Tensor
  readonly denoised: tf.Tensor
  readonly previousDenoised: tf.Tensor | undefined
}

/**
 * The loop all samplers share: evaluate, show, advance, and own every tensor in between.
 * `advance` returns the sample at `sigmas[index + 1]`, as a new tensor.
 */
export async function* walk(
  denoise: Denoise,
  start: tf.Tensor,
  sigmas: readonly number[],
  advance: (step: Advance) => tf.Tensor | Promise<tf.Tensor>,
): AsyncGenerator<SamplerStep, tf.Tensor, void> {
  checkSigmas(sigmas)
  const count = sigmas.length - 1
  let x = tf.clone(start)
  let denoised: tf.Tensor | undefined
  let previousDenoised: tf.Tensor | undefined
  let finished = false
  try {
    for (let index = 0; index < count; index++) {
      const sigma = sigmas[index] as number
      denoised = await denoise(x, sigma)
      yield { index, count, sigma, x, denoised }
      const next = await advance({ index, x, denoised, previousDenoised })
      x.dispose()
      x = next
      previousDenoised?.dispose()
      previousDenoised = denoised
      denoised = undefined
    }
    finished = true
    return x
  } finally {
    denoised?.dispose()
    previousDenoised?.dispose()
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
