import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import type { RowGrid } from "../diffusion/coarser-grids.ts"
import type { NoiseName } from "../diffusion/names.ts"
import { NOISE_NAMES } from "../diffusion/names.ts"
import type { NoiseInterval } from "../diffusion/samplers/index.ts"
import { unknownName } from "../nearest.ts"
import { checkRanges } from "../number-range.ts"
import { fnv1a32 } from "../random/fnv1a.ts"
import { createPythonRandom } from "../random/python.ts"
import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"
import type { TorchGenerator, TorchGeneratorName } from "../random/torch.ts"
import { createTorchGenerator } from "../random/torch.ts"
import type { BatchPlace, PictureRequest } from "./request.ts"
import { changedStart, type StartNoise, type StartNoiseDraws } from "./start-noise.ts"

/** Unit noise of a batch. Every picture's noise depends on its seed. [N, H, W, C] each, which the caller disposes. */
export interface NoiseSource {
  start(): Tensor4D
  /**
   * Noise for the start from a picture as sd-scripts draws it: after the start and `draws` more. LLLite's streams have no
   * order, and give the noise of the start.
   */
  after(draws: number): Tensor4D
  /**
   * For samplers that add noise between steps. An interval always gives the same noise. Other intervals give other
   * noise.
   *
   * PyTorch's generators continue from draw to draw. With them, an interval keeps the noise of its first call.
   *
   * @param size Rows and columns. Default: those of the start.
   */
  between(interval: NoiseInterval, size?: LatentSize): Tensor4D
}

/** Rows and columns of latents. */
export interface LatentSize {
  readonly height: number
  readonly width: number
}

/**
 * Noise for the latents of N pictures, [rows, columns, channels] each.
 *
 * @param requests the seed of each picture, and its place in a batch
 * @param sigmas all levels of the run. They give the number of the step for an interval.
 * @param added What is added to the noise of the start. Null: nothing.
 */
export function createNoiseSource(
  name: NoiseName,
  requests: readonly Pick<PictureRequest, "seed" | "batch">[],
  shape: readonly [rows: number, columns: number, channels: number],
  sigmas: readonly number[],
  added: StartNoise | null = null,
): NoiseSource {
  if (!NOISE_NAMES.includes(name)) throw unknownName("noise", "noise", String(name), NOISE_NAMES)
  checkArgument("noise: the requests", requests, "a list")
  for (const request of requests) checkArgument("noise: a request", request, "an object")
  checkArgument("noise: the levels", sigmas, "a list")
  checkArgument("noise: the shape", shape, "a list")
  const [rows, columns, channels] = shape
  const side = { integer: true, min: 1, max: 8192 }
  checkRanges("noise", { rows, columns, channels }, { rows: side, columns: side, channels: side })
  const pictures = requests.map(({ seed, batch = null }) =>
    name === "lllite"
      ? streamed(seed, [rows, columns, channels], sigmas, added)
      : torched(GENERATORS[name], { seed, batch }, [rows, columns, channels], added),
  )
  const stacked = (draw: (picture: PictureNoise) => Tensor3D): Tensor4D =>
    tf.tidy(() => tf.stack(pictures.map(draw)) as Tensor4D)
  return {
    start: () => stacked((picture) => picture.start()),
    after: (draws) => stacked((picture) => picture.after(draws)),
    between: (interval, { height, width } = { height: rows, width: columns }) =>
      stacked((picture) => picture.between(interval, [height, width, channels])),
  }
}

/**
 * The generators of the start and of steps. One generator of both goes on after the start.
 *
 * Source of `comfyui`: ComfyUI a125cd8, `comfy/sample.py` (`prepare_noise`), `k_diffusion/sampling.py`
 * (`default_noise_sampler`).
 */
const GENERATORS: Readonly<Record<Exclude<NoiseName, "lllite">, readonly [TorchGeneratorName, TorchGeneratorName?]>> = {
  "torch-cpu": ["torch-cpu"],
  "torch-cuda": ["torch-cuda"],
  comfyui: ["torch-cpu", "torch-cuda"],
}

/** Noise of one picture. */
interface PictureNoise {
  start(): Tensor3D
  after(draws: number): Tensor3D
  between(interval: NoiseInterval, shape: Shape): Tensor3D
}

type Shape = [rows: number, columns: number, channels: number]

function streamed(seed: Seed, shape: Shape, sigmas: readonly number[], added: StartNoise | null): PictureNoise {
  const start = createStream(seed, "start")
  const steps = createStream(seed, "step noise")
  const intervals = createStream(seed, "interval noise")
  const first = (): Tensor3D => tf.tensor3d(start.normal(shape), shape)
  const of = (purpose: string) => createStream(seed, `start ${purpose}`)
  const fraction = (purpose: string): number => of(purpose).uniform(1)[0] ?? 0
  const draws: StartNoiseDraws = {
    normal: (purpose, { height, width, channels }) => of(purpose).normal([height, width, channels]),
    uniform: fraction,
    fraction,
  }
  return {
    start: () =>
      added === null ? first() : tf.tensor3d(changedStart(start.normal(shape), gridOf(shape), added, draws), shape),
    after: first,
    between({ from, to, repeat = 0 }, size) {
      const step = sigmas.indexOf(from)
      const values =
        step >= 0 && sigmas[step + 1] === to && repeat === 0
          ? steps.normal(size, { step })
          : intervals.normal(size, {
              step: fnv1a32(String(from)),
              index: fnv1a32(repeat === 0 ? String(to) : `${to} ${repeat}`),
            })
      return tf.tensor3d(values, size)
    },
  }
}

/**
 * PyTorch draws channels first, one tensor after another. All draws are kept, so that they can be repeated. A picture of
 * a batch has its part of a draw for all of them.
 */
function torched(
  [name, ofSteps]: readonly [TorchGeneratorName, TorchGeneratorName?],
  { seed, batch }: { readonly seed: Seed; readonly batch: BatchPlace | null },
  shape: Shape,
  added: StartNoise | null,
): PictureNoise {
  const generator: TorchGenerator = createTorchGenerator(name, seed)
  const stepGenerator = ofSteps === undefined ? null : createTorchGenerator(ofSteps, seed)
  const { index, count } = batch ?? { index: 0, count: 1 }
  const drawn: Float32Array[] = []
  const normal = (from: TorchGenerator, [rows, columns, channels]: Shape): Float32Array => {
    const size = channels * rows * columns
    return from.randn(size, { from: index * size, of: count * size })
  }
  const draw = (shape: Shape): Float32Array => {
    const values = normal(generator, shape)
    drawn.push(values)
    return values
  }
  const tensorOf = (values: Float32Array, [rows, columns, channels]: Shape): Tensor3D =>
    tf.transpose(tf.tensor3d(values, [channels, rows, columns]), [1, 2, 0])
  const first = draw(shape)
  const random = createPythonRandom(seed)
  const changed =
    added === null
      ? null
      : changedStart(channelsLast(first, gridOf(shape)), gridOf(shape), added, {
          normal: (_, grid) => channelsLast(generator.randn(grid.channels * grid.height * grid.width), grid),
          uniform: () => random.random(),
          fraction: () => generator.rand(1)[0] ?? 0,
        })
  const ofInterval = new Map<string, Float32Array>()
  return {
    start: () => (changed === null ? tensorOf(first, shape) : tf.tensor3d(changed, shape)),
    after(draws) {
      while (drawn.length < draws + 2) draw(shape)
      return tensorOf(drawn[draws + 1] as Float32Array, shape)
    },
    between({ from, to, repeat = 0 }, size) {
      const key = `${from} ${to} ${repeat}`
      const values = ofInterval.get(key) ?? (stepGenerator === null ? draw(size) : normal(stepGenerator, size))
      ofInterval.set(key, values)
      return tensorOf(values, size)
    },
  }
}

function gridOf([height, width, channels]: Shape): RowGrid {
  return { rows: 1, height, width, channels }
}

/** values: [channels, height, width] → [height, width, channels] */
function channelsLast(values: Float32Array, { height, width, channels }: RowGrid): Float32Array {
  const size = height * width
  return values.map((_, i) => values[(i % channels) * size + Math.floor(i / channels)] ?? 0)
}
