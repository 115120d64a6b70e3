import { CoreError } from "../../errors.ts"
import type { TimestepSpacing } from "../sigmas.ts"
import { sampleDdim } from "./ddim.ts"
import { sampleDpmpp2m } from "./dpmpp-2m.ts"
import { sampleEuler } from "./euler.ts"
import type { Sampler } from "./sampler.ts"

export { sampleDdim } from "./ddim.ts"
export { sampleDpmpp2m } from "./dpmpp-2m.ts"
export { sampleEuler } from "./euler.ts"
export { finish, type Sampler, type SamplerStep } from "./sampler.ts"

/**
 * How a start is made from unit noise: `sigma` (noise alone), or `unit-variance`, noise in the variance-preserving
 * form, which is sqrt(sigma² + 1) in the form samplers work in.
 */
export type StartScale = "sigma" | "unit-variance"

/** A sampler and the way it is used when chosen by name. */
export interface SamplerEntry {
  readonly sample: Sampler
  readonly spacing: TimestepSpacing
  readonly startScale: StartScale
}

const euler: SamplerEntry = { sample: sampleEuler, spacing: "linspace", startScale: "sigma" }

/** The samplers by the names that sd-scripts gives them. */
export const SAMPLERS = {
  ddim: { sample: sampleDdim, spacing: "leading", startScale: "unit-variance" },
  euler,
  k_euler: euler,
  "dpmsolver++": { sample: sampleDpmpp2m, spacing: "linspace-rounded", startScale: "unit-variance" },
} as const satisfies Record<string, SamplerEntry>

export type SamplerName = keyof typeof SAMPLERS

/** All names `findSampler` knows. */
export const SAMPLER_NAMES = Object.keys(SAMPLERS) as readonly SamplerName[]

/**
 * The sampler called `name`.
 *
 * @throws CoreError naming the samplers there are.
 */
export function findSampler(name: string): SamplerEntry {
  if (!Object.hasOwn(SAMPLERS, name)) {
    throw new CoreError(`sampler: no "${name}". There are: ${SAMPLER_NAMES.join(", ")}.`)
  }
  return SAMPLERS[name as SamplerName]
}

/** The factor that makes unit noise a start at `sigma`, the first level of a run. */
export function startFactor(entry: SamplerEntry, sigma: number): number {
  return entry.startScale === "sigma" ? sigma : Math.hypot(sigma, 1)
}
