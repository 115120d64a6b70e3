import type { OptimizerChoice } from "@lllite/core/names"
import type { LrMovement, StrengthRange } from "@lllite/core/training"
import type { AdapterDims } from "@lllite/format"

/**
 * How the demo trains and draws. The settings fit into five minutes on two cores. Only the noisier timesteps teach the
 * places of edges. The strengths, the limit of the sites and the optimizer make strengths from 0 to 1 a range. A real
 * SDXL needs a learning rate ten times lower.
 */
export const DEMO = {
  /** Default of `--backend`. Every machine has it, so results can be compared. */
  backend: "wasm",
  dims: { condDim: 32, mlpDim: 64 } satisfies AdapterDims,
  /** The sites, among those of `transformer-output`: the attentions and the feed-forward layers of the upper depth. */
  siteKeys: /(input_blocks_[45]|output_blocks_[345])_.*(attn1_to_(q|k|v|out_0)|attn2_to_(q|out_0)|ff_net_(0_proj|2))$/,
  siteLimit: 0.6,
  /**
   * Every drawn strength learns a share of the way from the network's own prediction to the true target. The shares lie
   * where the drawing turns to the control: at 0.4 few edges follow, and at 0.6 nearly all do.
   */
  strengthRange: { min: 0.2, floor: 0.39, top: 0.6, power: 2 } satisfies StrengthRange,
  pairs: 96,
  batchSize: 4,
  learningRate: 2e-3,
  optimizer: { name: "adamw", epsilon: 3e-7, weightDecay: 1 } satisfies OptimizerChoice,
  minTimestep: 400,
  maxTimestep: 1000,
  /** Default of `--steps`. */
  steps: 180,
  /**
   * The factor on the trained effect. It is chosen by the measured curve, so that the first and the last quarter of the
   * strengths both raise edge F1 by 0.1 or more.
   */
  effect: 1.07,
  heldOut: 24,
  sampler: "euler",
  samplerSteps: 15,
  guidanceScale: 1.5,
  /** Pixels per side. The tiny SDXL draws this size best. */
  size: 128,
} as const

/** How the rate of a demo moves: it falls to 0 in the last third of its steps. */
export function demoRate(steps: number): LrMovement {
  return { curve: "warmup_stable_decay", decaySteps: Math.floor(steps / 3), fall: "linear" }
}
