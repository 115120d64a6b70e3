import type { AdapterDims } from "@lllite/format"

/**
 * How the demo trains and draws: what fits into five minutes on two cores. Only the noisier timesteps teach where edges
 * go, and a real SDXL wants a rate ten times lower.
 */
export const DEMO = {
  /** Unless `--backend` says otherwise: every machine has it, so figures can be compared. */
  backend: "wasm",
  dims: { condDim: 32, mlpDim: 64 } satisfies AdapterDims,
  pairs: 192,
  batchSize: 16,
  learningRate: 3e-3,
  minTimestep: 400,
  maxTimestep: 1000,
  /** Steps unless `--steps` says otherwise. */
  steps: 120,
  heldOut: 24,
  sampler: "euler",
  samplerSteps: 15,
  guidanceScale: 1.5,
  /** Pixels per side, which is what the tiny SDXL draws best. */
  size: 128,
} as const
