import type { NamedSampling } from "../diffusion/other-programs.ts"
import { comfyUiSampling } from "../diffusion/other-programs.ts"
import { CoreError } from "../errors.ts"

/**
 * A sampler and a scheduler of ComfyUI by our names.
 *
 * @returns a problem, as a clause, if one of them cannot be had
 */
export function comfySampler(sampler: string, scheduler: string): NamedSampling | { readonly problem: string } {
  try {
    return comfyUiSampling(sampler, scheduler)
  } catch (error) {
    if (!(error instanceof CoreError)) throw error
    return { problem: `has an unknown name: ${error.message.replace(/^sampler: /, "").replace(/\.$/, "")}` }
  }
}
