import { betaQuantile } from "./beta-quantile.ts"
import { curveBetween, type SpacedLevels, type SpacingRun, unitRamp } from "./levels.ts"

/* Spacings along a curve of sigma, from the largest to the smallest. */

/** Exponent of Karras et al. 2022, table 1. */
const KARRAS_RHO = 7

/** Karras et al. 2022 (arXiv:2206.00364), equation 5. */
export function karras({
  rho = KARRAS_RHO,
  ...range
}: Pick<SpacingRun, "steps" | "sigmaMin" | "sigmaMax"> & { readonly rho?: number | undefined }): SpacedLevels {
  const [smallest, largest] = [range.sigmaMin ** (1 / rho), range.sigmaMax ** (1 / rho)]
  return curveBetween(range, (place) => (largest + place * (smallest - largest)) ** rho)
}

/** k-diffusion's `get_sigmas_polyexponential`, with rho 1 if it is not given. */
export const polyexponential = ({ rho = 1, ...range }: SpacingRun): SpacedLevels =>
  curveBetween(range, (place) => range.sigmaMin * (range.sigmaMax / range.sigmaMin) ** ((1 - place) ** rho))

/** k-diffusion's `get_sigmas_exponential`. */
export const exponential = (run: SpacingRun): SpacedLevels => polyexponential({ ...run, rho: 1 })

/** Both parameters of the beta distribution, as Lee et al. 2024 (arXiv:2407.12173) set them. */
export const BETA_SHAPE = 0.6

/** stable-diffusion-webui's `beta`, and diffusers' `use_beta_sigmas`. */
export const beta = (range: SpacingRun): SpacedLevels =>
  curveBetween(
    range,
    (place) => range.sigmaMin + (range.sigmaMax - range.sigmaMin) * betaQuantile(1 - place, range.alpha, range.beta),
  )

/** stable-diffusion-webui's `kl_optimal`. Its run ends at the smallest sigma. */
export const klOptimal = ({ steps, ...run }: SpacingRun): SpacedLevels => {
  const { sigmas } = klOptimalToZero({ ...run, steps: steps + 1 })
  return { sigmas: sigmas.slice(0, -1), end: run.sigmaMin }
}

/** ComfyUI's `kl_optimal`. */
export const klOptimalToZero = (range: SpacingRun): SpacedLevels =>
  curveBetween(range, (place) => Math.tan(place * Math.atan(range.sigmaMin) + (1 - place) * Math.atan(range.sigmaMax)))

/** The levels for SDXL of Sabour et al. 2024 (arXiv:2404.14507). */
const ALIGN_YOUR_STEPS = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029]

/** ComfyUI's digits of the same levels: `nodes_align_your_steps.py`, `NOISE_LEVELS`. */
const ALIGN_YOUR_STEPS_COMFYUI = [
  ...[14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141],
  ...[0.5550693289, 0.3798540708, 0.2332364134, 0.1114188177, 0.0291671582],
]

/** Other numbers of levels are interpolated in log sigma, as the authors do. */
export const alignYourSteps = ({ steps }: SpacingRun): SpacedLevels => ({
  sigmas: interpolated(ALIGN_YOUR_STEPS, steps),
})

/** ComfyUI's `AlignYourStepsScheduler` for SDXL. Its last level becomes 0. */
export const alignYourStepsToZero = ({ steps }: SpacingRun): SpacedLevels => ({
  sigmas: interpolated(ALIGN_YOUR_STEPS_COMFYUI, steps + 1).slice(0, -1),
})

/** So many levels along a list, linear in log sigma. */
function interpolated(levels: readonly number[], count: number): readonly number[] {
  return unitRamp(count).map((position) => {
    const place = position * (levels.length - 1)
    const before = Math.min(Math.floor(place), levels.length - 2)
    const [high = 0, low = 0] = levels.slice(before, before + 2)
    return place === before ? high : place === before + 1 ? low : high * (low / high) ** (place - before)
  })
}

/** Song et al. 2021 (arXiv:2011.13456) with k-diffusion's settings. It starts above the schedule's largest sigma. */
export const vp = ({ steps }: SpacingRun): SpacedLevels => {
  const [betaD, betaMin, smallest] = [19.9, 0.1, 1e-3]
  return {
    sigmas: unitRamp(steps).map((position) => {
      const t = 1 + position * (smallest - 1)
      return Math.sqrt(Math.expm1((betaD * t ** 2) / 2 + betaMin * t))
    }),
  }
}
