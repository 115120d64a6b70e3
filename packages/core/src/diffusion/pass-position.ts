/** Where a pass of the network stands on the way from noise to picture. */
export interface PassPosition {
  /** Noise level of the latents, in units of the picture's own spread: x = x0 + sigma · noise. */
  readonly sigma: number
  /** The training timestep that the network is told, 0 to 999; fractions are allowed. */
  readonly timestep: number
  /** The step that asks, from 0. */
  readonly step: number
  /** Steps in all. */
  readonly steps: number
  /** Whether the evaluation lies between two steps: the second one of `heun`, `dpm-2` or `dpmpp-2s`. */
  readonly between: boolean
}

/** What a sampler knows of where it asks; the denoiser adds the level and the timestep. */
export type StepPosition = Pick<PassPosition, "step" | "steps" | "between">

/** A row of the batch in a pass. */
export interface PassRow {
  /** Index of the picture that the row belongs to. */
  readonly picture: number
  /** Whether the row carries the prompt, or the negative prompt. */
  readonly guidance: "cond" | "uncond"
}

/**
 * The rows of a batch of `pictures`: with guidance all unconditional rows come first, then as many conditional ones.
 */
export function passRows(pictures: number, guided: boolean): readonly PassRow[] {
  const half = (guidance: PassRow["guidance"]): PassRow[] =>
    Array.from({ length: pictures }, (_, picture) => ({ picture, guidance }))
  return guided ? [...half("uncond"), ...half("cond")] : half("cond")
}
