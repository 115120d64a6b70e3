import type { SamplerName, TimestepSpacing } from "../diffusion/names.ts"

/** A sampler and its noise levels by our names. */
export interface SamplerChoice {
  readonly sampler: SamplerName
  readonly spacing: TimestepSpacing
}

/** ComfyUI's samplers that are the same here. Its `ddim` is `euler` in another form. */
const SAMPLERS: Readonly<Record<string, SamplerName>> = {
  euler: "euler",
  euler_ancestral: "euler_a",
  heun: "heun",
  lms: "lms",
  ddim: "ddim",
}

/** ComfyUI's schedulers, and for which numbers of steps they are the same here. */
const SCHEDULERS: Readonly<Record<string, { readonly spacing: TimestepSpacing; fits(steps: number): boolean }>> = {
  normal: { spacing: "linspace", fits: () => true },
  karras: { spacing: "karras", fits: () => true },
  simple: { spacing: "trailing", fits: (steps) => 1000 % steps === 0 },
  ddim_uniform: {
    spacing: "leading",
    fits: (steps) => Math.ceil(999 / Math.max(1, Math.floor(1000 / steps))) === steps,
  },
}

/**
 * A sampler and a scheduler of ComfyUI by our names.
 *
 * @returns a problem, as a clause, if one of them cannot be had
 */
export function comfySampler(
  sampler: string,
  scheduler: string,
  steps: number,
): SamplerChoice | { readonly problem: string } {
  const own = Object.hasOwn(SAMPLERS, sampler) ? SAMPLERS[sampler] : undefined
  const levels = Object.hasOwn(SCHEDULERS, scheduler) ? SCHEDULERS[scheduler] : undefined
  if (own === undefined)
    return { problem: `has the sampler ${sampler}. There are: ${Object.keys(SAMPLERS).join(", ")}` }
  if (levels === undefined) {
    return { problem: `has the scheduler ${scheduler}. There are: ${Object.keys(SCHEDULERS).join(", ")}` }
  }
  if (!levels.fits(steps)) return { problem: `has the scheduler ${scheduler} with ${steps} steps, which cannot be had` }
  return { sampler: own, spacing: levels.spacing }
}
