import type { AdapterDims } from "@lllite/format"

/**
 * How the demo trains and draws. The settings fit into five minutes on two cores. Only the noisier timesteps teach the
 * places of edges. A real SDXL needs a learning rate ten times lower.
 */
export const DEMO = {
  /** Default of `--backend`. Every machine has it, so results can be compared. */
  backend: "wasm",
  dims: { condDim: 32, mlpDim: 64 } satisfies AdapterDims,
  pairs: 192,
  batchSize: 16,
  learningRate: 3e-3,
  minTimestep: 400,
  maxTimestep: 1000,
  /** Default of `--steps`. */
  steps: 120,
  heldOut: 24,
  sampler: "euler",
  samplerSteps: 15,
  guidanceScale: 1.5,
  /** Pixels per side. The tiny SDXL draws this size best. */
  size: 128,
} as const
