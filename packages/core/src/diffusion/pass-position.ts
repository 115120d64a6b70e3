import { checkArgument } from "../argument.ts"
import { checkRanges } from "../number-range.ts"

/** The position of a network's pass between noise and picture. */
export interface PassPosition {
  /** Noise level of the latents, in units of the latents' own deviation: x = x0 + sigma · noise. */
  readonly sigma: number
  /** The network's training timestep, 0 to 999. Fractions are allowed. */
  readonly timestep: number
  /** The step that evaluates the network, from 0. */
  readonly step: number
  /** The number of steps. */
  readonly steps: number
  /** Whether the evaluation lies between two steps: the second one of `heun`, `dpm-2` or `dpmpp-2s`. */
  readonly between: boolean
}

/** The part of the position that a sampler knows. The denoiser adds the level and the timestep. */
export type StepPosition = Pick<PassPosition, "step" | "steps" | "between">

/** A row of the batch in a pass. */
export interface PassRow {
  /** Index of the picture that the row belongs to. */
  readonly picture: number
  /** Whether the row has the prompt (`cond`) or the negative prompt (`uncond`). */
  readonly guidance: "cond" | "uncond"
}

/**
 * The rows of a batch of `pictures`. With guidance all unconditional rows come first, then as many conditional ones.
 */
export function passRows(pictures: number, guided: boolean): readonly PassRow[] {
  checkArgument("rows: whether the pass is guided", guided, "true or false")
  checkRanges("rows", { pictures }, { pictures: { integer: true, min: 0, max: 1_000_000 } })
  const half = (guidance: PassRow["guidance"]): PassRow[] =>
    Array.from({ length: pictures }, (_, picture) => ({ picture, guidance }))
  return guided ? [...half("uncond"), ...half("cond")] : half("cond")
}
