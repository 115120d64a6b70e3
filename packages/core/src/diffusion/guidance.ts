import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { Network } from "./denoiser.ts"
import type { PassPosition } from "./pass-position.ts"

/**
 * Classifier-free guidance: uncond + guidanceScale * (cond - uncond).
 * prediction: [2N, ...], the N unconditional rows first → [N, ...]
 *
 * Source: Ho & Salimans 2022 (arXiv:2207.12598), with the scale of Stable Diffusion (1 is no guidance).
 *
 * @param guidanceRescale See {@link rescaleGuidance}. Default: 0, none.
 * @throws CoreError when the number of rows is odd
 */
export function combineGuidance(prediction: tf.Tensor, guidanceScale: number, guidanceRescale = 0): tf.Tensor {
  if (prediction.shape.length === 0 || (prediction.shape[0] as number) % 2 !== 0) {
    throw new CoreError(
      "shape",
      `guidance: expected a batch of unconditional rows followed by as many conditional ones, got shape ` +
        `[${prediction.shape.join(", ")}]`,
    )
  }
  return tf.tidy(() => {
    const [uncond, cond] = tf.split(prediction, 2, 0) as [tf.Tensor, tf.Tensor]
    const guided = tf.add(uncond, tf.mul(tf.sub(cond, uncond), guidanceScale))
    return guidanceRescale === 0 ? guided : rescaleGuidance(guided, cond, guidanceRescale)
  })
}

/**
 * Gives a guided prediction the deviation that the conditional one has, picture by picture. Without it, a high guidance
 * scale makes pictures too bright and too colourful. guided, cond: [N, ...] → [N, ...]
 *
 * Source: Lin et al. 2024 (arXiv:2305.08891), section 3.4.
 *
 * @param rescale the share of the rescaled prediction in the result, 0 to 1. The paper has 0.7.
 */
export function rescaleGuidance(guided: tf.Tensor, cond: tf.Tensor, rescale: number): tf.Tensor {
  const axes = guided.shape.map((_, axis) => axis).slice(1)
  return tf.tidy(() => {
    const deviation = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.moments(x, axes, true).variance)
    const ratio = tf.div(deviation(cond), deviation(guided))
    return tf.mul(guided, tf.add(tf.mul(ratio, rescale), 1 - rescale))
  })
}

/**
 * Wraps a network whose conditions are [N unconditional, N conditional], so that it takes N rows. The rows are doubled
 * before the network. {@link combineGuidance} joins the two predictions after it.
 */
export function withGuidance(network: Network, guidanceScale: number, guidanceRescale = 0): Network {
  return async (input, at) => {
    const doubled = tf.concat([input, input], 0)
    let output: tf.Tensor | undefined
    try {
      output = await network(doubled, at)
      return combineGuidance(output, guidanceScale, guidanceRescale)
    } finally {
      doubled.dispose()
      output?.dispose()
    }
  }
}

/** How several prompts guide at once. */
export interface ComposedGuidance {
  readonly scale: number
  /** See `rescaleGuidance`. Default: 0. */
  readonly rescale?: number
  /** The weight of every prompt, for every row: [prompts][N] */
  readonly weights: readonly (readonly number[])[]
  /**
   * The share of every prompt at each latent of a pass, which multiplies its weight. A prompt without a share is not
   * run. Its tensors are not disposed. Null: every prompt has all of it. Default: null. [1, H, W, 1]
   */
  readonly sharesAt?: ((input: tf.Tensor, position: PassPosition) => readonly (tf.Tensor | null)[]) | null
  /** Guidance from the empty prompt. Default: null, from the negative prompt. */
  readonly empty?: EmptyPromptGuidance | null
}

/** Guidance that begins at the empty prompt, and has a scale of its own for the negative prompt. */
export interface EmptyPromptGuidance {
  /** The network with the N rows of the empty prompt. */
  readonly network: Network
  readonly negativeScale: number
}

/**
 * Guidance by several prompts at once: uncond + scale · Σ weight · (cond − uncond). `network` has the rows
 * [N unconditional, N conditional] of the first prompt, and each of `further` has the N rows of another. Shares, if there
 * are any, are factors in the sum.
 *
 * With `empty` it is empty + scale · Σ weight · (cond − empty) − negativeScale · (uncond − empty).
 *
 * Source: Liu et al. 2022 (arXiv:2206.01714), equation 11, with the scale of classifier-free guidance; sd-scripts
 * `gen_img.py` (`negative_scale`).
 */
export function withComposedGuidance(
  network: Network,
  further: readonly Network[],
  { scale, rescale = 0, weights, sharesAt = null, empty = null }: ComposedGuidance,
): Network {
  return async (input, position) => {
    const shares = sharesAt?.(input, position) ?? null
    const doubled = tf.concat([input, input], 0)
    const outputs: tf.Tensor[] = []
    /** The outputs of the prompts that run, by the index of the prompt. */
    const conds = new Map<number, tf.Tensor>()
    const keep = (output: tf.Tensor): tf.Tensor => {
      outputs.push(output)
      return output
    }
    try {
      const both = keep(await network(doubled, position))
      for (const [i, each] of further.entries()) {
        if (shares === null || shares[i + 1] != null) conds.set(i + 1, keep(await each(input, position)))
      }
      const emptied = empty === null ? null : keep(await empty.network(input, position))
      return tf.tidy(() => {
        const [uncond, first] = tf.split(both, 2, 0) as [tf.Tensor, tf.Tensor]
        if (shares === null || shares[0] != null) conds.set(0, first)
        const base = emptied ?? uncond
        const rows = [input.shape[0] ?? 0, ...input.shape.slice(1).map(() => 1)]
        const at = (factor: number): tf.Tensor =>
          [...conds].reduce((sum, [i, cond]) => {
            const factors = (weights[i] ?? []).map((weight) => factor * weight)
            const towards = tf.mul(tf.sub(cond, base), tf.tensor(factors, rows))
            const share = shares?.[i] ?? null
            return tf.add(sum, share === null ? towards : tf.mul(towards, share))
          }, base)
        const guided = empty === null ? at(scale) : tf.sub(at(scale), tf.mul(tf.sub(uncond, base), empty.negativeScale))
        return rescale === 0 ? guided : rescaleGuidance(guided, at(1), rescale)
      })
    } finally {
      doubled.dispose()
      tf.dispose(outputs)
    }
  }
}
