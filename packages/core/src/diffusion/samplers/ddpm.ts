import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * DDPM: a sample of the posterior at the next level. With the small variance it is Euler's ancestral method on other
 * levels. The large variance is that of the whole way between two levels.
 *
 * Source: Ho et al. 2020 (arXiv:2006.11239), equations 6 and 7, as diffusers' `DDPMScheduler`.
 */
export const ddpm = ({ noise, options: { variance } }: MethodRun<"variance">): Method => ({
  advance({ nextSigma, ...point }) {
    const { sigma } = point
    const { down, up } = ancestralStep(sigma, nextSigma, 1)
    const [total, nextTotal] = [sigma ** 2 + 1, nextSigma ** 2 + 1]
    const large = Math.sqrt(nextTotal * (1 - nextTotal / total))
    const added = nextSigma === 0 || variance === "small" ? up : large
    return addStepNoise(straight(point, down), added, { from: sigma, to: nextSigma }, { noise, sNoise: 1 })
  },
})
