import type { NoiseName, SamplerName } from "../diffusion/names.ts"
import type { NumberRange } from "../number-range.ts"

/**
 * How several adapters are combined at a layer:
 *
 * - `chain`: one after another as in sd-scripts. The last adapter reads the layer's input. Each other one reads the
 *   result of the adapter behind it in the list.
 * - `chain-comfyui`: one after another as in ComfyUI. The first adapter reads the layer's input. Each other one reads
 *   the result of the adapter before it in the list.
 * - `sum`: side by side as in sd-webui-controlnet. Each adapter reads the layer's input.
 */
export const COMBINATIONS = ["chain", "chain-comfyui", "sum"] as const
export type Combination = (typeof COMBINATIONS)[number]

/** The defaults of `generate`. */
export const GENERATE_DEFAULTS = {
  steps: 20,
  guidanceScale: 7.5,
  guidanceRescale: 0,
  sampler: "euler" as SamplerName,
  noise: "lllite" as NoiseName,
  combine: "chain" as Combination,
  /** An adapter's strength. */
  strength: 1,
} as const

/** Sides of a picture are multiples of this, because the VAE divides them by eight. */
export const SIDE_MULTIPLE = 8

/** The shortest side, in pixels: one token of the deepest sites. */
export const SHORTEST_SIDE = 32

/** Ranges of `GenerateOptions` and `AdapterUse`. Sides are multiples of `SIDE_MULTIPLE`, too. */
export const GENERATE_RANGES = {
  width: { integer: true, min: SHORTEST_SIDE, max: 16384 },
  height: { integer: true, min: SHORTEST_SIDE, max: 16384 },
  steps: { integer: true, min: 1, max: 1000 },
  guidanceScale: { min: 0, max: 1000 },
  guidanceRescale: { min: 0, max: 1 },
  negativeScale: { min: -1000, max: 1000 },
  vaeSlices: { integer: true, min: 1, max: 4096 },
  /** Pictures in one batch. */
  batchSize: { integer: true, min: 1, max: 4096 },
  strength: { min: -100, max: 100 },
  /** Both ends of an adapter's window. */
  window: { min: 0, max: 1 },
  /** The slopes of a window, as a part of the noise schedule. */
  ease: { min: 0, max: 1 },
  /** The noise level of a curve's point. */
  sigma: { min: 0 },
  /** The width of a mask's soft edge in pixels. */
  feather: { min: 0, max: 4096 },
} as const satisfies Readonly<Record<string, NumberRange>>
