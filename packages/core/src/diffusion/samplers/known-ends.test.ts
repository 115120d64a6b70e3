import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { expect, it } from "vitest"
import type { Denoise } from "../denoiser.ts"
import type { SamplerOptions } from "../names.ts"
import { createNoiseSchedule } from "../schedule.ts"
import { noiseLevels } from "../sigmas.ts"
import { findSampler, finish, type IntervalNoise } from "./index.ts"

/*
 * The ends of runs with every option, so that no coefficient changes unseen. They were computed when the reference's 510
 * comparisons of samplers passed, and the paths of a normal distribution, in `samplers.test.ts`, were right.
 */

const schedule = createNoiseSchedule()

/** Bends, so that terms of higher order matter. */
const bending: Denoise = (x, sigma) => tf.tidy(() => tf.tanh(tf.mul(x, 0.8 / Math.hypot(1, sigma))))

/** Noise that the interval decides, of a size of about one. */
const noise: IntervalNoise = ({ from, to, repeat = 0 }) =>
  tf.tensor1d([1.3 * Math.sin(12.9898 * from + 78.233 * to + 3.7 * repeat)])

const KNOWN: readonly (readonly [name: string, steps: number, options: SamplerOptions, end: number])[] = [
  ["ddim", 5, {}, 0.427988],
  ["ddim", 5, { eta: 0.7 }, 0.533046],
  ["ddim", 16, {}, 0.412073],
  ["ddim", 16, { eta: 0.7 }, 0.394559],
  ["pndm", 5, {}, 0.27106],
  ["pndm", 16, {}, 0.279133],
  ["lms", 5, {}, 0.445001],
  ["lms", 16, {}, 0.363937],
  ["euler", 5, {}, 0.450036],
  ["euler", 5, { sChurn: 4, sTmin: 0.5, sTmax: 8, sNoise: 1.1 }, -0.340301],
  ["euler", 5, { sChurn: 100 }, -0.442402],
  ["euler_a", 5, {}, 0.074936],
  ["euler_a", 5, { eta: 0.6, sNoise: 1.2 }, 0.384652],
  ["euler_a", 5, { eta: 0 }, 0.450036],
  ["heun", 5, {}, -0.664973],
  ["heun", 5, { sChurn: 4, sTmin: 0.5, sTmax: 8, sNoise: 1.1 }, 0.659008],
  ["dpm_2", 5, {}, 0.119827],
  ["dpm_2", 5, { sChurn: 4, sTmin: 0.5, sTmax: 8, sNoise: 1.1 }, -0.089463],
  ["dpm_2_a", 5, {}, -0.477786],
  ["dpm_2_a", 5, { eta: 0.6, sNoise: 1.2 }, 0.039258],
  ["dpm_2_a", 5, { eta: 0 }, 0.119827],
  ["dpmsolver", 5, { order: 1 }, 0.450036],
  ["dpmsolver", 5, { order: 2 }, 0.44643],
  ["dpmsolver", 5, { order: 2, solver: "heun" }, 0.449859],
  ["dpmsolver", 5, { order: 3 }, 0.445799],
  ["dpmsolver", 14, { order: 1 }, 0.417086],
  ["dpmsolver", 14, { order: 2 }, 0.362156],
  ["dpmsolver", 14, { order: 2, solver: "heun" }, 0.381298],
  ["dpmsolver", 14, { order: 3 }, 0.362339],
  ["dpmsolver", 15, { order: 1 }, 0.414689],
  ["dpmsolver", 15, { order: 2 }, 0.35964],
  ["dpmsolver", 15, { order: 2, solver: "heun" }, 0.3784],
  ["dpmsolver", 15, { order: 3 }, 0.356078],
  ["dpmsolver", 16, { order: 1 }, 0.412463],
  ["dpmsolver", 16, { order: 2 }, 0.35748],
  ["dpmsolver", 16, { order: 2, solver: "heun" }, 0.375832],
  ["dpmsolver", 16, { order: 3 }, 0.354392],
  ["dpmsolver++", 5, { order: 1 }, 0.450036],
  ["dpmsolver++", 5, { order: 2 }, 0.458884],
  ["dpmsolver++", 5, { order: 2, solver: "heun" }, 0.462583],
  ["dpmsolver++", 5, { order: 3 }, 0.462131],
  ["dpmsolver++", 14, { order: 1 }, 0.417086],
  ["dpmsolver++", 14, { order: 2 }, 0.353535],
  ["dpmsolver++", 14, { order: 2, solver: "heun" }, 0.330103],
  ["dpmsolver++", 14, { order: 3 }, 0.349394],
  ["dpmsolver++", 15, { order: 1 }, 0.414689],
  ["dpmsolver++", 15, { order: 2 }, 0.350701],
  ["dpmsolver++", 15, { order: 2, solver: "heun" }, 0.327615],
  ["dpmsolver++", 15, { order: 3 }, 0.289118],
  ["dpmsolver++", 16, { order: 1 }, 0.412463],
  ["dpmsolver++", 16, { order: 2 }, 0.348333],
  ["dpmsolver++", 16, { order: 2, solver: "heun" }, 0.325661],
  ["dpmsolver++", 16, { order: 3 }, 0.292551],
  ["dpmsingle", 5, { order: 1 }, 0.450036],
  ["dpmsingle", 5, { order: 2 }, 0.449953],
  ["dpmsingle", 5, { order: 3 }, 0.456506],
  ["dpmsingle", 6, { order: 1 }, 0.4456],
  ["dpmsingle", 6, { order: 2 }, 0.448163],
  ["dpmsingle", 6, { order: 3 }, 0.430688],
  ["dpmsingle", 16, { order: 1 }, 0.412463],
  ["dpmsingle", 16, { order: 2 }, 0.4105],
  ["dpmsingle", 16, { order: 3 }, 0.334074],
  ["sde-dpmsolver++", 5, { order: 1 }, -0.50865],
  ["sde-dpmsolver++", 5, { order: 2 }, -0.61655],
  ["sde-dpmsolver++", 5, { order: 2, solver: "heun" }, -0.661706],
  ["sde-dpmsolver++", 5, { order: 3 }, -0.65029],
  ["sde-dpmsolver++", 5, { order: 3, eta: 0.5, sNoise: 0.9 }, -0.649553],
  ["sde-dpmsolver++", 5, { order: 3, eta: 0 }, 0.414834],
  ["sde-dpmsolver++", 16, { order: 1 }, -0.293034],
  ["sde-dpmsolver++", 16, { order: 2 }, -0.264927],
  ["sde-dpmsolver++", 16, { order: 2, solver: "heun" }, -0.259363],
  ["sde-dpmsolver++", 16, { order: 3 }, -0.251356],
  ["sde-dpmsolver++", 16, { order: 3, eta: 0.5, sNoise: 0.9 }, -0.302432],
  ["sde-dpmsolver++", 16, { order: 3, eta: 0 }, 0.323662],
  ["unipc", 5, { order: 1 }, 0.452644],
  ["unipc", 5, { order: 2 }, 0.46193],
  ["unipc", 5, { order: 2, correction: "bh1" }, 0.483976],
  ["unipc", 5, { order: 3 }, 0.465817],
  ["unipc", 5, { order: 3, correction: "bh1" }, 0.483623],
  ["unipc", 16, { order: 1 }, 0.411652],
  ["unipc", 16, { order: 2 }, 0.347036],
  ["unipc", 16, { order: 2, correction: "bh1" }, 0.244894],
  ["unipc", 16, { order: 3 }, 0.344091],
  ["unipc", 16, { order: 3, correction: "bh1" }, 0.242603],
  ["deis", 5, { order: 1 }, 0.450036],
  ["deis", 5, { order: 2 }, 0.449859],
  ["deis", 5, { order: 3 }, 0.449587],
  ["deis", 16, { order: 1 }, 0.412463],
  ["deis", 16, { order: 2 }, 0.375832],
  ["deis", 16, { order: 3 }, 0.342522],
  ["plms", 5, {}, 0.271415],
  ["plms", 16, {}, 0.279121],
  ["ddpm", 5, {}, 0.42306],
  ["ddpm", 5, { variance: "large" }, 0.323129],
  ["lcm", 4, {}, 0.416999],
  ["lcm", 4, { sNoise: 0.5 }, 0.252146],
  ["tcd", 4, {}, 0.684266],
  ["tcd", 4, { eta: 0.8, sNoise: 1.2 }, 0.547254],
  ["dpmpp_2m", 5, {}, 0.404891],
  ["dpmpp_2m", 16, {}, 0.328995],
  ["dpmpp_2m_sde", 5, {}, -0.344836],
  ["dpmpp_2m_sde", 5, { solver: "heun" }, -0.388018],
  ["dpmpp_2m_sde", 5, { eta: 0.4, sNoise: 1.1 }, -0.366351],
  ["dpmpp_2m_sde", 16, {}, -0.006774],
  ["dpmpp_2m_sde", 16, { solver: "heun" }, -0.004952],
  ["dpmpp_2m_sde", 16, { eta: 0.4, sNoise: 1.1 }, 0.096939],
  ["dpmpp_3m_sde", 5, {}, 0.189155],
  ["dpmpp_3m_sde", 5, { eta: 0.4, sNoise: 1.1 }, -0.056264],
  ["dpmpp_3m_sde", 5, { eta: 0 }, 0.342732],
  ["dpmpp_3m_sde", 16, {}, -0.00392],
  ["dpmpp_3m_sde", 16, { eta: 0.4, sNoise: 1.1 }, 0.093555],
  ["dpmpp_3m_sde", 16, { eta: 0 }, 0.324887],
  ["dpmpp_sde", 5, {}, -0.45073],
  ["dpmpp_sde", 5, { eta: 0.6, sNoise: 1.2 }, -0.430476],
  ["dpmpp_sde", 5, { eta: 0 }, 0.364637],
  ["dpmpp_2s_ancestral", 5, {}, -0.395081],
  ["dpmpp_2s_ancestral", 5, { eta: 0.6, sNoise: 1.2 }, -0.298942],
  ["dpmpp_2s_ancestral", 5, { eta: 0 }, 0.364637],
  ["dpm_fast", 4, {}, 0.627038],
  ["dpm_fast", 4, { eta: 0.5, sNoise: 1.1 }, 0.759814],
  ["dpm_fast", 5, {}, 0.163957],
  ["dpm_fast", 5, { eta: 0.5, sNoise: 1.1 }, 0.158159],
  ["dpm_fast", 6, {}, 0.547239],
  ["dpm_fast", 6, { eta: 0.5, sNoise: 1.1 }, 0.540111],
  ["dpm_fast", 12, {}, 0.452049],
  ["dpm_fast", 12, { eta: 0.5, sNoise: 1.1 }, -0.301979],
  ["dpm_adaptive", 8, {}, 0.391106],
  ["dpm_adaptive", 8, { rtol: 0.01, atol: 0.001 }, 0.415401],
  ["dpm_adaptive", 8, { eta: 0.5, sNoise: 1.1 }, 0.146892],
  ["restart", 8, {}, 0.270687],
  ["restart", 8, { sNoise: 1.2 }, 0.270687],
  ["restart", 20, {}, -0.092047],
  ["restart", 20, { sNoise: 1.2 }, -0.12799],
  ["restart", 36, {}, -0.270673],
  ["restart", 36, { sNoise: 1.2 }, -0.313224],
  ["restart", 8, { restarts: 2, restartSteps: 3, restartMin: 0.2, restartMax: 3 }, -0.076825],
]

it.each(KNOWN)("%s in %s steps with %j ends at %s", async (name, steps, options, end) => {
  expect(await endOf(name, steps, options)).toBeCloseTo(end, 4)
})

async function endOf(name: string, steps: number, options: SamplerOptions): Promise<number> {
  const { sample, spacing } = findSampler(name)
  const { sigmas } = noiseLevels(schedule, steps, spacing)
  const start = tf.tensor1d([0.7 * (sigmas[0] as number)])
  const result = await finish(sample(bending, start, sigmas, { noise, options }))
  const [value = Number.NaN] = await result.data()
  tf.dispose([start, result])
  return value
}
