import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import { finish } from "../src/diffusion/samplers/index.ts"
import { enlargeLatents } from "../src/generation/enlarge.ts"
import { createNoiseSource } from "../src/generation/noise-source.ts"
import { planSampling } from "../src/generation/plan-sampling.ts"
import { startFromLatents, startFromNoise } from "../src/generation/start.ts"
import { startSteps } from "../src/generation/start-picture.ts"
import { resizeImage } from "../src/image/resize.ts"
import { floatsToImage, imageToFloats, type RgbImage } from "../src/image.ts"
import { LATENT_SCALE } from "../src/models/vae/config.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly } from "./case.ts"
import { toNchw } from "./layout.ts"
import { toyNetwork } from "./samplers.ts"
import { u } from "./synthetic.ts"

interface StageReference {
  readonly size: readonly [width: number, height: number]
  readonly steps: number
  readonly timesteps: readonly number[]
}

/** A run of hires fix in start.json. */
export interface HiresCase {
  readonly key: string
  readonly module: "gen_img" | "sdxl_gen_img"
  readonly options: readonly string[]
  readonly size: readonly [width: number, height: number]
  readonly stage1: StageReference
  readonly stage2: StageReference
}

/** The seed of the first stage. The second stage has the next one. */
const SEED = 31

/** Noise of PyTorch's generator depends on the processor in the last bits. */
const NOISE_TOLERANCE = 1e-5

/** Both stages on the toy network and the toy VAE. */
export async function runHires(
  tag: string,
  { key, module, options, stage1, stage2 }: HiresCase,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const option = (name: string): number | null =>
    options.includes(name) ? Number(options[options.indexOf(name) + 1]) : null
  const strength = option("--strength") ?? 0.6
  const picture = options.includes("--image_path") ? toyPicture(`${tag}/start/hires`, stage1.size) : null
  const first = await runStage(
    stage1,
    SEED,
    picture === null ? null : encode(picture),
    option("--highres_fix_strength") ?? strength,
  )
  const { unit, latents } = first
  const results: CaseResult[] = [
    compare(
      `start/${key}.stage1.start`,
      await toNchw(unit),
      await tensors.readFloat32(`${key}.stage1.start`),
      NOISE_TOLERANCE,
    ),
    compare(`start/${key}.stage1.timesteps`, first.timesteps, stage1.timesteps),
    compare(`start/${key}.stage1.latents`, await toNchw(latents), await tensors.readFloat32(`${key}.stage1.latents`)),
  ]
  const [width, height] = stage2.size
  let large: Tensor4D
  if (options.includes("--highres_fix_latents_upscaling")) {
    large = enlargeLatents(latents, { width, height }, module === "gen_img" ? "bicubic" : "bilinear")
    results.push(
      compare(`start/${key}.upscaled`, await thinned(large, 2), await tensors.readFloat32(`${key}.upscaled`)),
    )
  } else {
    const enlarged = resizeImage(await decode(latents), width, height, "lanczos")
    results.push(compareExactly(`start/${key}.upscaled`, everyFifth(enlarged), await tensors.read(`${key}.upscaled`)))
    large = encode(enlarged)
  }
  const second = await runStage(stage2, SEED + 1, large, strength)
  results.push(
    compare(`start/${key}.stage2.timesteps`, second.timesteps, stage2.timesteps),
    compare(
      `start/${key}.img2imgNoise`,
      await thinned(second.noise, 4),
      await tensors.readFloat32(`${key}.img2imgNoise`),
      NOISE_TOLERANCE,
    ),
    compare(`start/${key}.final`, await thinned(second.latents, 2), await tensors.readFloat32(`${key}.final`)),
  )
  tf.dispose([large, unit, latents, first.noise, second.unit, second.noise, second.latents])
  return results
}

interface ToyStage {
  /** The first draw. */
  readonly unit: Tensor4D
  /** The noise that latents get. */
  readonly noise: Tensor4D
  readonly latents: Tensor4D
  readonly timesteps: readonly number[]
}

async function runStage(
  { size: [width, height], steps }: StageReference,
  seed: number,
  from: Tensor4D | null,
  strength: number,
): Promise<ToyStage> {
  const plan = planSampling({ steps, sampler: "euler" })
  const source = createNoiseSource("torch-cpu", [{ seed }], [height / 8, width / 8, 4], plan.levels.sigmas)
  const unit = source.start()
  const noise = source.after(steps)
  const place = from === null ? { level: 0, from: 0 } : startSteps(steps, { strength, compat: "sd-scripts" })
  const start =
    from === null ? startFromNoise(plan, unit) : startFromLatents(plan, from, noise, place.from, place.level)
  const denoise = createDenoiser(toyNetwork, { prediction: "epsilon", timestepOf: plan.levels.timestepOf })
  const latents = (await finish(plan.sampler.sample(denoise, start, plan.levels.sigmas.slice(place.from)))) as Tensor4D
  start.dispose()
  return { unit, noise, latents, timesteps: plan.levels.timesteps.slice(place.from) }
}

/** The toy VAE: the first three channels times 0.1, each value as a block of 8 by 8. */
async function decode(latents: Tensor4D): Promise<RgbImage> {
  const [, rows, columns] = latents.shape
  const picture = tf.tidy(() => {
    const colours = tf.mul(tf.slice(latents, [0, 0, 0, 0], [1, rows, columns, 3]), 0.1 / LATENT_SCALE)
    // Each step has four axes at most: the WebGPU backend of tfjs repeats no more.
    const high = tf.tile(tf.reshape(colours, [rows, 1, columns, 3]), [1, 8, 1, 1])
    const blocks = tf.tile(tf.reshape(high, [8 * rows, columns, 1, 3]), [1, 1, 8, 1])
    return tf.reshape(blocks, [1, 8 * rows, 8 * columns, 3])
  })
  const values = await picture.data<"float32">()
  picture.dispose()
  return floatsToImage(values, 8 * columns, 8 * rows)
}

/** The toy VAE: the means of blocks, and their mean. */
function encode(image: RgbImage): Tensor4D {
  return tf.tidy(() => {
    const pixels = tf.tensor(imageToFloats(image), [image.height / 8, 8, image.width / 8, 8, 3])
    const means = tf.expandDims(tf.mean(pixels, [1, 3]), 0)
    return tf.concat([means, tf.mean(means, 3, true)], 3) as Tensor4D
  })
}

function toyPicture(name: string, [width, height]: readonly [number, number]): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(((u(name, i) + 1) / 2) * 256))
  return { width, height, data }
}

async function thinned(x: Tensor4D, by: number): Promise<Float32Array> {
  const part = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, by, by, 1])
  const values = await toNchw(part)
  part.dispose()
  return values
}

function everyFifth({ width, height, data }: RgbImage): readonly number[] {
  const bytes: number[] = []
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y += 5) {
      for (let x = 0; x < width; x += 5) bytes.push(data[3 * (y * width + x) + channel] ?? -1)
    }
  }
  return bytes
}
