import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { RowGrid } from "../src/diffusion/coarser-grids.ts"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import { type SamplerName, samplerInfo } from "../src/diffusion/names.ts"
import { finish, type IntervalNoise, type Sampler } from "../src/diffusion/samplers/index.ts"
import { keepOutside } from "../src/generation/mask.ts"
import { createNoiseSource } from "../src/generation/noise-source.ts"
import { planSampling, type SamplingPlan } from "../src/generation/plan-sampling.ts"
import { startFromLatents } from "../src/generation/start.ts"
import { changedStart, type StartNoise, type StartNoiseDraws } from "../src/generation/start-noise.ts"
import { startSteps } from "../src/generation/start-picture.ts"
import { maskOf } from "../src/image/mask.ts"
import { resizeImage } from "../src/image/resize.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly } from "./case.ts"
import { fromNchw, signalNhwc, toNchw } from "./layout.ts"
import { toyNetwork } from "./samplers.ts"
import { type GradualCase, runGradualLatent } from "./start-gradual.ts"
import { type HiresCase, runHires } from "./start-hires.ts"
import { normal, u } from "./synthetic.ts"

interface StartCase {
  readonly key: string
  readonly sampler: string
  readonly strength: number
  readonly steps: number
  readonly timesteps: readonly number[]
}

interface Img2ImgCase extends StartCase {
  readonly forceZeroStepsOffset: boolean
  readonly noisedAt: number
  readonly referenceResult?: string
}

interface InpaintCase extends StartCase {
  readonly mask: "hard" | "soft"
}

/** start.json */
export interface StartReference {
  readonly tag: string
  readonly img2img: { readonly cases: readonly Img2ImgCase[] }
  readonly inpaint: { readonly cases: readonly InpaintCase[] }
  readonly pictures: {
    readonly cases: readonly {
      readonly key: string
      readonly size: readonly [height: number, width: number]
      readonly maskSize: readonly [height: number, width: number]
      readonly imageSize: readonly [height: number, width: number]
    }[]
  }
  readonly startNoise: {
    readonly cases: readonly StartNoiseCase[]
  }
  readonly hires: { readonly cases: readonly HiresCase[] }
  readonly gradualLatent: readonly GradualCase[]
}

interface StartNoiseCase {
  readonly key: string
  readonly mode: string
  readonly options: readonly string[]
  readonly pythonRandom: readonly number[]
  readonly calls: readonly StartCall[]
}

type StartCall = readonly [kind: string, value: number | readonly number[]]

/** The shape of the toy latents. */
const SHAPE = [1, 4, 8, 8] as const

/** Image to image, masks, pictures, start noise, both stages of hires fix, and gradual latent, on the toy network. */
export async function runStart(reference: StartReference, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const each of reference.img2img.cases) results.push(...(await runImg2Img(reference.tag, each, tensors)))
  for (const each of reference.inpaint.cases) results.push(...(await runInpaint(reference.tag, each, tensors)))
  for (const each of reference.pictures.cases) results.push(...(await runPicture(reference.tag, each, tensors)))
  for (const each of reference.startNoise.cases) results.push(await runStartNoise(reference.tag, each, tensors))
  for (const each of reference.hires.cases) results.push(...(await runHires(reference.tag, each, tensors)))
  for (const each of reference.gradualLatent) results.push(...(await runGradualLatent(reference.tag, each, tensors)))
  return results
}

/** Faults of the reference's schedulers in a run that begins late. */
const NOT_COPIED: Readonly<Record<string, string>> = {
  heun: "the reference's list is longer than its steps, and its result is not finite",
  pndm: "the reference's list is longer than its steps, and its result is worthless",
}

async function runImg2Img(tag: string, each: Img2ImgCase, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const { key, steps, strength, forceZeroStepsOffset, noisedAt, timesteps } = each
  const fault = NOT_COPIED[each.sampler]
  if (fault !== undefined || samplerInfo(each.sampler) === null) {
    return [{ case: `start/${key}`, skipped: fault ?? `no sampler ${each.sampler}` }]
  }
  const plan = planSampling({ steps, sampler: each.sampler as SamplerName })
  const { level, from } = startSteps(steps, {
    strength,
    compat: "sd-scripts",
    stepsOffset: forceZeroStepsOffset ? 0 : 1,
  })
  const latents = signalNhwc(`${tag}/start/init`, SHAPE)
  const unit = fromNchw(normal(`${tag}/start/img2imgNoise`, SHAPE), SHAPE)
  const start = startFromLatents(plan, latents, unit, from, level)
  const final = (await finish(walkFrom(plan, tag, key, start, from))) as Tensor4D
  const results = [
    compare(`start/${key}.noisedAt`, [plan.levels.timesteps[level] ?? Number.NaN], [noisedAt]),
    compare(`start/${key}.timesteps`, plan.levels.timesteps.slice(from), timesteps),
    compare(`start/${key}.start`, await inReferenceForm(plan, start, from), await tensors.readFloat32(`${key}.start`)),
    compare(`start/${key}.final`, await toNchw(final), await tensors.readFloat32(`${key}.final`)),
  ]
  tf.dispose([latents, unit, start, final])
  return results
}

async function runInpaint(tag: string, each: InpaintCase, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const { key, steps, strength } = each
  const plan = planSampling({ steps, sampler: each.sampler as SamplerName })
  const { level, from } = startSteps(steps, { strength, compat: "sd-scripts" })
  const latents = signalNhwc(`${tag}/start/init`, SHAPE)
  const unit = fromNchw(normal(`${tag}/start/img2imgNoise`, SHAPE), SHAPE)
  const kept = Float32Array.from({ length: 64 }, (_, i) => (u(`${tag}/start/mask`, i) + 1) / 2)
  const mask = tf.tensor4d(
    kept.map((value) => 1 - (each.mask === "hard" ? Number(value > 0.5) : value)),
    [1, 8, 8, 1],
  )
  const start = startFromLatents(plan, latents, unit, from, level)
  const keep = keepOutside({ latents, mask, unit }, plan)
  let first: Float32Array | null = null
  const walk = walkFrom(plan, tag, key, start, from, async (x, at) => {
    const kept = keep(x, { ...at, step: at.step + from }) as Tensor4D
    first ??= await inReferenceForm(plan, kept, from + 1)
    return kept
  })
  const final = (await finish(walk)) as Tensor4D
  const results = [
    compare(`start/${key}.first`, first ?? [], await tensors.readFloat32(`${key}.first`)),
    compare(`start/${key}.final`, await toNchw(final), await tensors.readFloat32(`${key}.final`)),
  ]
  tf.dispose([latents, unit, mask, start, final])
  return results
}

/** A run on the toy network from a step on. */
function walkFrom(
  { sampler, levels }: SamplingPlan,
  tag: string,
  key: string,
  start: Tensor4D,
  from: number,
  afterStep?: NonNullable<NonNullable<Parameters<Sampler>[3]>["afterStep"]>,
): ReturnType<Sampler> {
  let draws = 0
  const noise: IntervalNoise = () => fromNchw(normal(`${tag}/start/${key}/noise${draws++}`, SHAPE), SHAPE)
  const denoise = createDenoiser(toyNetwork, { prediction: "epsilon", timestepOf: levels.timestepOf })
  const missed = levels.sigmas.slice(0, from).reverse()
  const settings = { noise, missed, ...(afterStep === undefined ? {} : { afterStep }) }
  return sampler.sample(denoise, start, levels.sigmas.slice(from), settings)
}

/** Samplers that start from unit noise keep the variance-preserving form in the reference. */
async function inReferenceForm({ sampler, levels }: SamplingPlan, x: Tensor4D, step: number): Promise<Float32Array> {
  const scale = sampler.startScale === "sigma" ? 1 : Math.hypot(levels.sigmas[step] ?? 0, 1)
  return (await toNchw(x)).map((value) => value / scale)
}

async function runPicture(
  tag: string,
  { key, size, maskSize, imageSize }: StartReference["pictures"]["cases"][number],
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const [height, width] = size
  const name = `${tag}/start/${key.replace(".", "")}`
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(((u(name, i) + 1) / 2) * 256))
  const picture = { width, height, data }
  const mask = resizeImage(maskOf(picture), maskSize[1], maskSize[0], "bilinear")
  const image = resizeImage(picture, imageSize[1], imageSize[0], "lanczos")
  const thinned: number[] = []
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < image.height; y += 3) {
      for (let x = 0; x < image.width; x += 3) thinned.push(image.data[3 * (y * image.width + x) + channel] ?? -1)
    }
  }
  return [
    compare(
      `start/${key}.mask`,
      Array.from(mask.data, (value) => 1 - value / 255),
      await tensors.readFloat32(`${key}.mask`),
      1e-6,
    ),
    compareExactly(`start/${key}.imageBytes`, thinned, await tensors.read(`${key}.imageBytes`)),
  ]
}

async function runStartNoise(tag: string, each: StartNoiseCase, tensors: ReferenceTensors): Promise<CaseResult> {
  const name = `start/${each.key}.0`
  const { key, mode, calls } = each
  if (mode !== "torch") {
    const grid = { rows: 1, height: 32, width: 32, channels: 4 }
    const changed = changedStart(named(`${tag}/start/${key}/draw0`, grid), grid, startNoiseOf(each), drawsOf(tag, each))
    const thinned = tf.tidy(() =>
      tf.stridedSlice(tf.tensor4d(changed, [1, 32, 32, 4]), [0, 0, 0, 0], [1, 32, 32, 4], [1, 2, 2, 1]),
    )
    const result = compare(name, await toNchw(thinned), await tensors.readFloat32(`${key}.0`), 1e-5)
    thinned.dispose()
    return result
  }
  const seeds = calls.flatMap(([kind, value]) => (kind === "seed" && typeof value === "number" ? [value] : []))
  const start = createNoiseSource(
    "torch-cpu",
    seeds.map((seed) => ({ seed })),
    [32, 32, 4],
    [],
  ).start()
  const thinned = tf.stridedSlice(start, [0, 0, 0, 0], start.shape, [1, 2, 2, 1])
  const result = compare(name, await toNchw(thinned), await tensors.readFloat32(`${key}.0`), 1e-5)
  tf.dispose([start, thinned])
  return result
}

/** Normal numbers of a name, channels last. */
function named(name: string, { rows, height, width, channels }: RowGrid): Float32Array {
  const values = normal(name, [rows, channels, height, width])
  const size = height * width
  return Float32Array.from(values, (_, i) => values[(i % channels) * size + Math.floor(i / channels)] ?? Number.NaN)
}

/** The draws of a case: Python's numbers as they came, and the others by the names of their calls. */
function drawsOf(tag: string, { key, pythonRandom }: StartNoiseCase): StartNoiseDraws {
  // The start is the first call.
  let [decided, called] = [0, 1]
  return {
    normal: (_, grid) => named(`${tag}/start/${key}/draw${called++}`, grid),
    uniform: () => pythonRandom[decided++] ?? Number.NaN,
    fraction: () => (u(`${tag}/start/${key}/draw${called++}`, 0) + 1) / 2,
  }
}

function startNoiseOf({ options }: StartNoiseCase): StartNoise {
  const after = (name: string, place: number): number => Number(options[options.indexOf(name) + place])
  const has = (name: string): boolean => options.includes(name)
  const pair = (name: string): readonly [number, number] => [after(name, 1), after(name, 2)]
  return {
    pyramid: has("--pyramid_noise_prob")
      ? { probability: after("--pyramid_noise_prob", 1), discount: pair("--pyramid_noise_discount_range") }
      : null,
    offset: has("--noise_offset_prob")
      ? { probability: after("--noise_offset_prob", 1), range: pair("--noise_offset_range") }
      : null,
  }
}
