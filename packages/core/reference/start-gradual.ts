import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import { type GradualLatent, gradualSizes } from "../src/diffusion/gradual-latent.ts"
import { gradualStart, withGradualLatent } from "../src/diffusion/samplers/index.ts"
import { planSampling } from "../src/generation/plan-sampling.ts"
import { startFromNoise } from "../src/generation/start.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly } from "./case.ts"
import { fromNchw, toNchw } from "./layout.ts"
import { toyNetwork } from "./samplers.ts"
import { normal, u } from "./synthetic.ts"

/** A run of gradual latent in start.json. */
export interface GradualCase {
  readonly key: string
  readonly params: {
    readonly ratio: number
    readonly start_timesteps: number
    readonly every_n_steps: number
    readonly ratio_step: number
    readonly s_noise: number
    readonly gaussian_blur_ksize?: number
    readonly gaussian_blur_sigma?: number
    readonly gaussian_blur_strength?: number
    readonly unsharp_target_x?: boolean
  }
  readonly latent: readonly [height: number, width: number]
  readonly steps: number
  readonly sizes: readonly (readonly [height: number, width: number])[]
  readonly timesteps: readonly number[]
}

/** Compares the sizes, every step's latents and the end. */
export async function runGradualLatent(
  tag: string,
  { key, params, latent, steps, sizes, timesteps }: GradualCase,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const gradual = settingsOf(params)
  const plan = planSampling({ steps, sampler: "euler_a" })
  const [height, width] = latent
  const ours = gradualSizes(gradual, plan.levels.timesteps, { height, width }, true)
  let size = ours.start
  const after = ours.growth.map((grown) => {
    size = grown ?? size
    return size
  })
  const name = `${tag}/start/${key}`
  const unit = fromNchw(normal(`${name}/start`, [1, 4, height, width]), [1, 4, height, width])
  const full = startFromNoise(plan, unit)
  const start = gradualStart(gradual, ours, full)
  let draws = 0
  const probes: number[] = []
  const walk = withGradualLatent(plan.sampler, gradual, ours).sample(
    createDenoiser(toyNetwork, { prediction: "epsilon", timestepOf: plan.levels.timestepOf }),
    start,
    plan.levels.sigmas,
    {
      noise() {
        const { height: rows = 0, width: columns = 0 } = after[draws] ?? {}
        return fromNchw(normal(`${name}/noise${draws++}`, [1, 4, rows, columns]), [1, 4, rows, columns])
      },
      afterStep: async (x) => {
        probes.push((await toNchw(x)).reduce((sum, value, i) => sum + value * u("probe", i), 0))
        return tf.clone(x)
      },
    },
  )
  let next = await walk.next()
  while (next.done !== true) next = await walk.next()
  const final = next.value as Tensor4D
  const thinned = tf.stridedSlice(final, [0, 0, 0, 0], final.shape, [1, 2, 2, 1])
  const results = [
    compareExactly(
      `start/${key}.sizes`,
      after.flatMap(({ height, width }) => [height, width]),
      sizes.flat(),
    ),
    compare(`start/${key}.timesteps`, plan.levels.timesteps, timesteps),
    compare(`start/${key}.probe`, probes, await tensors.readFloat32(`${key}.probe`)),
    compare(`start/${key}.final`, await toNchw(thinned), await tensors.readFloat32(`${key}.final`)),
  ]
  tf.dispose([unit, full, start, final, thinned])
  return results
}

function settingsOf(params: GradualCase["params"]): GradualLatent {
  const kernel = params.gaussian_blur_ksize
  return {
    ratio: params.ratio,
    timestep: params.start_timesteps,
    everySteps: params.every_n_steps,
    ratioStep: params.ratio_step,
    sNoise: params.s_noise,
    unsharp:
      kernel === undefined
        ? null
        : {
            kernel,
            sigma: params.gaussian_blur_sigma ?? 0.5,
            strength: params.gaussian_blur_strength ?? 0.5,
            target: params.unsharp_target_x === false ? "start" : "step",
          },
  }
}
