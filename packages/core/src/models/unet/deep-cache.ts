import { checkOptions, type OptionKinds } from "../../argument.ts"
import { checkRanges, type NumberRange } from "../../number-range.ts"

/**
 * DeepCache: deep features of the U-Net are kept between passes, because they change slowly. Only some passes are full.
 * The others run the first input blocks and the last output blocks, with the deep features of the last full pass.
 *
 * Passes are counted, not steps: a sampler of second order has two in each step. A pass is always full if the features
 * have another size than the kept ones, or if another number of rows runs: where guidance begins or ends, where
 * latents grow, and where Deep Shrink changes. LLLites, LoRAs and ControlNets act at skipped blocks in the full passes
 * only. A ControlNet itself always runs.
 *
 * Source: Ma et al. 2023 (arXiv:2312.00858), with a uniform interval.
 */
export interface DeepCache {
  /** One of this many passes is full. 1: every pass, which is the same as no cache. */
  readonly interval: number
  /** The input blocks that run in every pass, and as many output blocks. Default: 3. */
  readonly depth?: number
}

/** The default number of input blocks that run in every pass. */
export const DEEP_CACHE_DEPTH = 3

/** Ranges of `DeepCache`. */
export const DEEP_CACHE_RANGES = {
  interval: { integer: true, min: 1, max: 1000 },
  depth: { integer: true, min: 1, max: 9 },
} as const satisfies Readonly<Record<string, NumberRange>>

const KINDS: OptionKinds<DeepCache> = { interval: "a number", depth: "a number" }

/** Checks the settings. @throws CoreError that names the one that is wrong */
export function checkDeepCache(settings: DeepCache): void {
  checkOptions("generate: deepCache", settings, KINDS, ["interval"])
  checkRanges("generate: deepCache", { ...settings }, DEEP_CACHE_RANGES)
}
