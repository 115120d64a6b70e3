import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { NoiseName } from "../diffusion/names.ts"
import type { IntervalNoise, NoiseInterval } from "../diffusion/samplers/index.ts"
import { fnv1a32 } from "../random/fnv1a.ts"
import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"
import type { TorchGenerator, TorchGeneratorName } from "../random/torch.ts"
import { createTorchGenerator } from "../random/torch.ts"

/** Unit noise of a batch. Every picture's noise depends on its seed. [N, H, W, C] each, which the caller disposes. */
export interface NoiseSource {
  start(): Tensor4D
  /**
   * For samplers that add noise between steps. An interval always gives the same noise. Other intervals give other
   * noise.
   *
   * PyTorch's generators continue from draw to draw. With them, an interval keeps the noise of its first call.
   */
  readonly between: IntervalNoise
}

/**
 * Noise for the latents of N pictures, [rows, columns, channels] each, one seed for each picture.
 *
 * @param sigmas all levels of the run. They give the number of the step for an interval.
 */
export function createNoiseSource(
  name: NoiseName,
  seeds: readonly Seed[],
  [rows, columns, channels]: readonly [number, number, number],
  sigmas: readonly number[],
): NoiseSource {
  const pictures = seeds.map((seed) =>
    name === "lllite"
      ? streamed(seed, [rows, columns, channels], sigmas)
      : torched(name, seed, [rows, columns, channels]),
  )
  const stacked = (draw: (picture: PictureNoise) => Tensor3D): Tensor4D =>
    tf.tidy(() => tf.stack(pictures.map(draw)) as Tensor4D)
  return {
    start: () => stacked((picture) => picture.start()),
    between: (interval) => stacked((picture) => picture.between(interval)),
  }
}

/** Noise of one picture. */
interface PictureNoise {
  start(): Tensor3D
  between(interval: NoiseInterval): Tensor3D
}

function streamed(seed: Seed, shape: [number, number, number], sigmas: readonly number[]): PictureNoise {
  const start = createStream(seed, "start")
  const steps = createStream(seed, "step noise")
  const intervals = createStream(seed, "interval noise")
  return {
    start: () => tf.tensor3d(start.normal(shape), shape),
    between({ from, to }) {
      const step = sigmas.indexOf(from)
      const values =
        step >= 0 && sigmas[step + 1] === to
          ? steps.normal(shape, { step })
          : intervals.normal(shape, { step: fnv1a32(String(from)), index: fnv1a32(String(to)) })
      return tf.tensor3d(values, shape)
    },
  }
}

/** PyTorch draws channels first, one tensor after another. All draws are kept, so that they can be repeated. */
function torched(name: TorchGeneratorName, seed: Seed, shape: readonly [number, number, number]): PictureNoise {
  const [rows, columns, channels] = shape
  const generator: TorchGenerator = createTorchGenerator(name, seed)
  const draw = (): Float32Array => generator.randn(channels * rows * columns)
  const first = draw()
  const drawn = new Map<string, Float32Array>()
  const tensorOf = (values: Float32Array): Tensor3D =>
    tf.transpose(tf.tensor3d(values, [channels, rows, columns]), [1, 2, 0])
  return {
    start: () => tensorOf(first),
    between({ from, to }) {
      const key = `${from} ${to}`
      const values = drawn.get(key) ?? draw()
      drawn.set(key, values)
      return tensorOf(values)
    },
  }
}
