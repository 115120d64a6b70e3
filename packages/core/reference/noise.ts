import * as tf from "@tensorflow/tfjs-core"
import type { NoiseDraws, RowGrid } from "../src/diffusion/coarser-grids.ts"
import { addNoise, velocity } from "../src/diffusion/noising.ts"
import { alphaAt, createNoiseSchedule, snrAt } from "../src/diffusion/schedule.ts"
import { elementwiseLoss, huberDelta, lossWeight, weightedMean } from "../src/training/loss.ts"
import type { HuberSchedule, LossType } from "../src/training/names.ts"
import type { NoiseOptions } from "../src/training/noise.ts"
import { drawNoise } from "../src/training/noise.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly } from "./case.ts"
import { channelsLast, probe, toNchw } from "./layout.ts"
import { normal, signal, u } from "./synthetic.ts"

/** noise.json */
export interface NoiseReference {
  readonly tag: string
  readonly cases: readonly NoiseCase[]
  readonly lossChain: { readonly timesteps: readonly number[]; readonly cases: readonly LossCase[] }
}

interface NoiseCase {
  readonly key: string
  readonly options: Readonly<Record<string, number | boolean>>
  readonly zeroTerminalSnr: boolean
  readonly timesteps: readonly number[]
  readonly torchDraws: readonly (readonly [kind: string, ...rest: readonly unknown[]])[]
  readonly alphasCumprodOfTimesteps: readonly number[]
  readonly snrOfTimesteps: readonly number[]
}

interface LossCase {
  readonly key: string
  readonly min_snr_gamma?: number
  readonly v?: boolean
  readonly scale_v?: boolean
  readonly v_like?: number
  readonly debiased?: boolean
  readonly loss_type?: LossType
  readonly huber_schedule?: HuberSchedule
  readonly huber_scale?: number
}

const GRID: RowGrid = { rows: 3, height: 16, width: 24, channels: 4 }

/** The noise of training with every option, and the chain of loss options. */
export async function runNoise(reference: NoiseReference, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const noiseCase of reference.cases) results.push(...(await runCase(reference.tag, noiseCase, tensors)))
  for (const lossCase of reference.lossChain.cases) results.push(await runLoss(reference, lossCase, tensors))
  return results
}

async function runCase(tag: string, noiseCase: NoiseCase, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const { key, timesteps, zeroTerminalSnr } = noiseCase
  const schedule = createNoiseSchedule({ zeroTerminalSnr })
  const plain = { ...schedule, alphasCumprod: schedule.plainAlphas ?? schedule.alphasCumprod }
  const { rows, channels } = GRID
  const own = signal(`${tag}/noise/latents`, [3, 4, 16, 24]).map((value) => 2 * value)
  const latents = channelsLast(own, rows, channels)
  const drawn = drawNoise(optionsOf(noiseCase.options), latents, GRID, namedDraws(tag, noiseCase))
  const alphas = timesteps.map((timestep) => alphaAt(schedule, timestep))
  const shape: [number, number, number, number] = [GRID.rows, GRID.height, GRID.width, GRID.channels]
  const made = tf.tidy(() => {
    const [clean, noise, input] = [latents, drawn.noise, drawn.input].map((values) => tf.tensor4d(values, shape)) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    return { noise, noisy: addNoise(clean, input, alphas), velocity: velocity(clean, noise, alphas) }
  })
  const results = [
    compare(`noise/${key}.alphas`, alphas, noiseCase.alphasCumprodOfTimesteps),
    compare(
      `noise/${key}.snr`,
      timesteps.map((timestep) => snrAt(plain, timestep)),
      noiseCase.snrOfTimesteps,
    ),
  ]
  for (const [name, tensor] of Object.entries(made)) {
    const values = await toNchw(tensor)
    tensor.dispose()
    const wanted = `${key}.${name}`
    if (tensors.tensors.has(wanted)) {
      results.push(compare(`noise/${wanted}`, everyFourth(values), await tensors.readFloat32(wanted)))
    }
    if (tensors.tensors.has(`${wanted}Probe`)) {
      results.push(
        compare(`noise/${wanted}Probe`, probe(values, GRID.width), await tensors.readFloat32(`${wanted}Probe`)),
      )
    }
  }
  return results
}

function optionsOf(options: NoiseCase["options"]): NoiseOptions {
  const number = (name: string): number | undefined => options[name] as number | undefined
  const [offset, adaptiveOffset] = [number("noise_offset"), number("adaptive_noise_scale")]
  const [iterations, discount] = [number("multires_noise_iterations"), number("multires_noise_discount")]
  const inputPerturbation = number("ip_noise_gamma")
  return {
    ...(offset === undefined ? {} : { offset }),
    ...(adaptiveOffset === undefined ? {} : { adaptiveOffset }),
    ...(iterations === undefined ? {} : { multires: { iterations, ...(discount === undefined ? {} : { discount }) } }),
    ...(inputPerturbation === undefined ? {} : { inputPerturbation }),
    randomOffset: options.noise_offset_random_strength === true,
    randomInputPerturbation: options.ip_noise_gamma_random_strength === true,
  }
}

/** The reference's draws: PyTorch's by their number, timesteps included, and Python's by theirs. */
function namedDraws(tag: string, { key, torchDraws }: NoiseCase): NoiseDraws {
  let [drawn, python] = [0, 0]
  const next = (): string => {
    // The timesteps are given.
    if (torchDraws[drawn]?.[0] === "randint") drawn += 1
    return `${tag}/noise/${key}/draw${drawn++}`
  }
  return {
    normal: (_, { rows, channels, height, width }) =>
      channelsLast(normal(next(), [rows, channels, height, width]), rows, channels),
    uniform(purpose) {
      const name = purpose.startsWith("multires") ? `${tag}/noise/${key}/python${python++}` : next()
      return (u(name, 0) + 1) / 2
    },
  }
}

function everyFourth(values: Float32Array): Float32Array {
  const { height, width } = GRID
  return values.filter((_, i) => (Math.floor(i / width) % height) % 4 === 0 && (i % width) % 4 === 0)
}

async function runLoss(
  { tag, lossChain }: NoiseReference,
  lossCase: LossCase,
  tensors: ReferenceTensors,
): Promise<CaseResult> {
  const { key, loss_type: type = "l2", huber_schedule: huber = "snr", huber_scale: scale } = lossCase
  const schedule = createNoiseSchedule()
  const theirs = await tensors.readFloat32(key)
  const { timesteps } = lossChain
  const shape = [timesteps.length, 4, 16, 24]
  const prediction = lossCase.v === true ? "v" : "epsilon"
  const options = {
    ...(lossCase.min_snr_gamma === undefined ? {} : { minSnrGamma: lossCase.min_snr_gamma }),
    ...(lossCase.v_like === undefined ? {} : { vPredictionLike: lossCase.v_like }),
    ...{ scaleVLikeNoise: lossCase.scale_v === true, debiased: lossCase.debiased === true },
  }
  const deltas =
    type === "huber" || type === "smooth_l1"
      ? timesteps.map((timestep) => {
          const sigma = schedule.sigmas[timestep] as number
          return huberDelta({ schedule: huber, ...(scale === undefined ? {} : { scale }) }, timestep, 1000, sigma)
        })
      : undefined
  const parts = tf.tidy(() => {
    const [pred, target] = ["pred", "target"].map((name) => tf.tensor(signal(`${tag}/noise/${name}`, shape), shape))
    const losses = elementwiseLoss(pred as tf.Tensor, target as tf.Tensor, type, deltas)
    return timesteps.map((timestep, row) => {
      const own = tf.slice(losses, [row, 0, 0, 0], [1, 4, 16, 24])
      return weightedMean(own, [lossWeight(options, prediction, snrAt(schedule, timestep))])
    })
  })
  // A tensor on a graphics card can only be read asynchronously.
  const ours = (await Promise.all(parts.map((part) => part.data<"float32">()))).map((values) => values[0] as number)
  tf.dispose(parts)
  const mean = ours.reduce((sum, loss) => sum + loss, 0) / ours.length
  if (theirs.length !== ours.length + 1) return compareExactly(`noise/${key}`, ours, theirs)
  return compare(`noise/${key}`, [...ours, mean], theirs)
}
