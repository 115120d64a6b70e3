import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { Network } from "./denoiser.ts"
import type { Prediction } from "./names.ts"
import type { PassPosition } from "./pass-position.ts"

/**
 * Classifier-free guidance: uncond + guidanceScale * (cond - uncond).
 * prediction: [2N, ...], the N unconditional rows first → [N, ...]
 *
 * Source: Ho & Salimans 2022 (arXiv:2207.12598), with the scale of Stable Diffusion (1 turns it off).
 *
 * @param guidanceRescale See {@link rescaleGuidance}. Default: 0, none.
 * @throws CoreError when the number of rows is odd
 */
export function combineGuidance(prediction: tf.Tensor, guidanceScale: number, guidanceRescale = 0): tf.Tensor {
  checkArgument("guidance: the prediction", prediction, "a tensor")
  checkArgument("guidance: the scale", guidanceScale, "a finite number")
  checkArgument("guidance: the rescaling", guidanceRescale, "a finite number")
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
  checkArgument("guidance: the guided prediction", guided, "a tensor")
  checkArgument("guidance: the conditional prediction", cond, "a tensor")
  checkArgument("guidance: the rescaling", rescale, "a finite number")
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
  checkArgument("guidance: the network", network, "a function")
  checkArguments("guidance", "a finite number", { scale: guidanceScale, rescaling: guidanceRescale })
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

/** The shares of prompts at a pass. Their tensors are not disposed. [1, H, W, 1] */
export interface PromptShares {
  /** The share of each prompt, a factor. Null: the prompt is not run. */
  readonly parts: readonly (tf.Tensor | null)[]
  /** 1 where no prompt has a share. Null: there is no such latent. */
  readonly rest: tf.Tensor | null
}

/** Reads shares at a pass. */
type SharesAt = (input: tf.Tensor, position: PassPosition) => PromptShares

/** How several prompts guide at once. */
export interface ComposedGuidance {
  readonly scale: number
  /** See `rescaleGuidance`. Default: 0. */
  readonly rescale?: number
  /** The weight of every prompt, for every row: [prompts][N] */
  readonly weights: readonly (readonly number[])[]
  /** The shares of the prompts, which multiply their weights. Null: every prompt has all of it. Default: null. */
  readonly sharesAt?: SharesAt | null
  /** The shares of the negative prompts. Null: the first one has all of it. Default: null. */
  readonly negativeSharesAt?: SharesAt | null
  /**
   * The prediction that stands for nothing, where no prompt has a share. Null: there is no guidance there. Default: null.
   */
  readonly nothing?: Network | null
  /** Guidance from the empty prompt. Default: null, from the negative prompt. */
  readonly empty?: EmptyPromptGuidance | null
}

const COMPOSED_KINDS: OptionKinds<ComposedGuidance> = {
  scale: "a finite number",
  rescale: "a finite number",
  weights: "a list",
  sharesAt: "a function or null",
  negativeSharesAt: "a function or null",
  nothing: "a function or null",
  empty: "an object or null",
}

/** The networks of a composed prompt. */
export interface ComposedNetworks {
  /** The rows [N unconditional, N conditional] of both first prompts. Null: `first` and `firstNegative` run apart. */
  readonly both: Network | null
  /** The N rows of each prompt. The first one is not run where `both` is given. */
  readonly prompts: readonly Network[]
  /** The N rows of each negative prompt, likewise. */
  readonly negatives: readonly Network[]
}

/** Guidance that begins at the empty prompt, and has a scale of its own for the negative prompt. */
export interface EmptyPromptGuidance {
  /** The network with the N rows of the empty prompt. */
  readonly network: Network
  readonly negativeScale: number
}

/**
 * Guidance by several prompts at once: uncond + scale · Σ weight · (cond − uncond). Shares, if there are any, are factors
 * in the sum. With shares of negative prompts, uncond is their sum.
 *
 * With `empty` it is empty + scale · Σ weight · (cond − empty) − negativeScale · (uncond − empty).
 *
 * Source: Liu et al. 2022 (arXiv:2206.01714), equation 11, with the scale of classifier-free guidance; sd-scripts
 * `gen_img.py` (`negative_scale`); ComfyUI `comfy/samplers.py`, `calc_cond_batch`.
 */
export function withComposedGuidance(networks: ComposedNetworks, guidance: ComposedGuidance): Network {
  checkArgument("guidance: the networks", networks, "an object")
  checkOptions<ComposedGuidance>("guidance", guidance, COMPOSED_KINDS, ["scale", "weights"])
  const { both, prompts, negatives } = networks
  const { scale, rescale = 0, weights } = guidance
  const { sharesAt = null, negativeSharesAt = null, nothing = null, empty = null } = guidance
  checkArgument("guidance: the network of both first prompts", both, "a function or null")
  checkArguments("guidance", "a list", { prompts, negatives })
  return async (input, position) => {
    const shares = sharesAt?.(input, position) ?? null
    const negativeShares = negativeSharesAt?.(input, position) ?? null
    const outputs: tf.Tensor[] = []
    const keep = (output: tf.Tensor): tf.Tensor => {
      outputs.push(output)
      return output
    }
    const runs = async (
      networks: readonly Network[],
      own: PromptShares | null,
      first: tf.Tensor | null,
    ): Promise<ReadonlyMap<number, tf.Tensor>> => {
      const found = new Map<number, tf.Tensor>()
      for (const [i, network] of networks.entries()) {
        if (own !== null && own.parts[i] == null) continue
        found.set(i, i === 0 && first !== null ? first : keep(await network(input, position)))
      }
      return found
    }
    try {
      let firsts: readonly tf.Tensor[] = []
      if (both !== null) {
        const doubled = keep(tf.concat([input, input], 0))
        const pair = keep(await both(doubled, position))
        firsts = tf.split(pair, 2, 0).map(keep)
      }
      const unconds = await runs(
        negativeShares === null ? negatives.slice(0, 1) : negatives,
        negativeShares,
        firsts[0] ?? null,
      )
      const conds = await runs(prompts, shares, firsts[1] ?? null)
      const emptied = empty === null ? null : keep(await empty.network(input, position))
      const zero = nothing === null || (shares ?? negativeShares) === null ? null : keep(await nothing(input, position))
      return tf.tidy(() => {
        const rows = [input.shape[0] ?? 0, ...input.shape.slice(1).map(() => 1)]
        /** The sum of the prompts, each as `term` gives it. */
        const summed = (term: (cond: tf.Tensor) => tf.Tensor, factor = 1): tf.Tensor =>
          [...conds].reduce((sum: tf.Tensor, [i, cond]) => {
            const factors = (weights[i] ?? []).map((weight) => factor * weight)
            const weighed = tf.mul(term(cond), tf.tensor(factors, rows))
            const share = shares?.parts[i] ?? null
            return tf.add(sum, share === null ? weighed : tf.mul(weighed, share))
          }, tf.zerosLike(input))
        const uncond = ((): tf.Tensor => {
          if (negativeShares === null) return unconds.get(0) as tf.Tensor
          const sum = [...unconds].reduce(
            (total: tf.Tensor, [i, each]) => tf.add(total, tf.mul(each, negativeShares.parts[i] as tf.Tensor)),
            tf.zerosLike(input),
          )
          if (negativeShares.rest === null) return sum
          return tf.add(sum, tf.mul(zero ?? summed((cond) => cond), negativeShares.rest))
        })()
        const base = emptied ?? uncond
        const at = (factor: number): tf.Tensor => {
          const towards = tf.add(
            base,
            summed((cond) => tf.sub(cond, base), factor),
          )
          const rest = shares?.rest ?? null
          return rest === null || zero === null
            ? towards
            : tf.add(towards, tf.mul(tf.mul(tf.sub(zero, base), factor), rest))
        }
        const guided = empty === null ? at(scale) : tf.sub(at(scale), tf.mul(tf.sub(uncond, base), empty.negativeScale))
        return rescale === 0 ? guided : rescaleGuidance(guided, at(1), rescale)
      })
    } finally {
      tf.dispose(outputs)
    }
  }
}

/**
 * The prediction whose estimate of x0 is zero: that of ComfyUI, where no prompt acts. The network's input is
 * x / sqrt(sigma² + 1), see `createDenoiser`.
 */
export function zeroEstimate(prediction: Prediction): Network {
  return (input, { sigma }) => tf.mul(input, prediction === "epsilon" ? Math.hypot(sigma, 1) / sigma : 1 / sigma)
}
