import type { Tensor2D } from "@tensorflow/tfjs-core"
import type { Grid } from "../taps.ts"

/** The depth of a site. */
export type Depth = 1 | 2 | 3

/** Control images cut into patches for the conditioners of one depth. */
export interface ControlPatches {
  readonly count: number
  /** The embedding's grid: one token for every 8, 16 or 32 pixels each way. */
  readonly grid: Grid
  /** [count · tokens · positions, 16 · channels], of latents [count · tokens · positions, 36] */
  readonly patches: Tensor2D
}
