import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { disposeAfter, type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * DPM-Solver++ SDE: two evaluations per step, except the step to sigma 0. Both the way to the middle and the whole step
 * add noise.
 *
 * Source: k-diffusion `sample_dpmpp_sde` with r = 1/2. diffusers' `DPMSolverSDEScheduler` is the same method.
 */
export const dpmppSde = ({ noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  async advance({ nextSigma, evaluate, ...point }) {
    const { sigma } = point
    if (nextSigma === 0) return straight(point, 0)
    const middle = Math.sqrt(sigma * nextSigma)
    const half = ancestralStep(sigma, middle, eta)
    const between = await addStepNoise(
      straight(point, half.down),
      half.up,
      { from: sigma, to: middle },
      { noise, sNoise },
    )
    const whole = ancestralStep(sigma, nextSigma, eta)
    const lowered = await disposeAfter(between, async () =>
      disposeAfter(await evaluate(between, middle), (denoised) => straight({ ...point, denoised }, whole.down)),
    )
    return addStepNoise(lowered, whole.up, { from: sigma, to: nextSigma }, { noise, sNoise })
  },
})
