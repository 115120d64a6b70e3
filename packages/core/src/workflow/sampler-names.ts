import { samplerInfo } from "../diffusion/names.ts"
import type { NamedSampling } from "../diffusion/other-programs.ts"
import { comfyUiSampling } from "../diffusion/other-programs.ts"
import { CoreError } from "../errors.ts"
import type { SamplerRun } from "./values.ts"

/** A little less than the largest sigma of SDXL, from which on ComfyUI adds the unit of signal to the start. */
const LARGEST = 14.6146 * (1 - 1e-5)

/**
 * The sampler and the noise levels of a run by our names.
 *
 * @returns a problem, as a clause, if one of them cannot be had
 */
export function comfySampler({
  sampler: { name, options },
  sigmas: { schedule },
}: Pick<SamplerRun, "sampler" | "sigmas">): NamedSampling | { readonly problem: string } {
  try {
    if ("scheduler" in schedule) {
      const named = comfyUiSampling(name, schedule.scheduler)
      const { discardPenultimate, ...rest } = named.spacingOptions
      const discards = schedule.isOfKSampler && discardPenultimate === true ? { discardPenultimate } : {}
      return { ...named, ...withOptions(named, options), spacingOptions: { ...discards, ...rest } }
    }
    const named = comfyUiSampling(name, "karras")
    const { sigmaMax = LARGEST } = schedule.options
    return {
      ...{ sampler: named.sampler, spacing: schedule.spacing, ...withOptions(named, options) },
      spacingOptions: { ...schedule.options, startScale: sigmaMax < LARGEST ? "sigma" : "unit-variance" },
    }
  } catch (error) {
    if (!(error instanceof CoreError)) throw error
    return { problem: `has an unknown name: ${error.message.replace(/^sampler: /, "").replace(/\.$/, "")}` }
  }
}

/** Options of a sampler that differ from its defaults. */
function withOptions(
  { sampler, samplerOptions }: NamedSampling,
  options: NamedSampling["samplerOptions"],
): Pick<NamedSampling, "samplerOptions"> {
  const defaults: Readonly<Record<string, unknown>> = samplerInfo(sampler)?.options ?? {}
  const own = Object.entries(options).filter(([name, value]) => defaults[name] !== value)
  return { samplerOptions: { ...samplerOptions, ...Object.fromEntries(own) } }
}
