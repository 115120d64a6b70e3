import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { disposeAfter, type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * DPM-Solver++(2S) below the next level, and fresh noise back up to it: two evaluations per step, except the step to
 * sigma 0.
 *
 * Source: k-diffusion `sample_dpmpp_2s_ancestral`.
 */
export const dpmpp2sAncestral = ({ noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  async advance({ nextSigma, evaluate, ...point }) {
    const { sigma } = point
    if (nextSigma === 0) return straight(point, 0)
    const { down, up } = ancestralStep(sigma, nextSigma, eta)
    const middle = Math.sqrt(sigma * down)
    const lowered = await disposeAfter(straight(point, middle), async (between) =>
      disposeAfter(await evaluate(between, middle), (denoised) => straight({ ...point, denoised }, down)),
    )
    return addStepNoise(lowered, up, { from: sigma, to: nextSigma }, { noise, sNoise })
  },
})
