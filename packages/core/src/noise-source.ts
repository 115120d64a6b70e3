import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { StepNoise } from "./diffusion/samplers/index.ts"
import { createStream } from "./random/stream.ts"
import type { TorchGenerator, TorchGeneratorName } from "./random/torch.ts"
import { createTorchGenerator } from "./random/torch.ts"

/** Where noise comes from: our own streams, or PyTorch's generators by name. */
export type NoiseName = "lllite" | TorchGeneratorName

/** Unit noise of a batch, every picture's from its own seed. [N, H, W, C] each; the caller disposes it. */
export interface NoiseSource {
  start(): Tensor4D
  /** For samplers that add noise on the way. */
  readonly step: StepNoise
}

/** Noise for pictures of [rows, columns, channels] with these seeds. */
export function createNoiseSource(
  name: NoiseName,
  seeds: readonly number[],
  [rows, columns, channels]: readonly [number, number, number],
): NoiseSource {
  const pictures = seeds.map((seed) =>
    name === "lllite" ? streamed(seed, [rows, columns, channels]) : torched(name, seed, [rows, columns, channels]),
  )
  const stacked = (draw: (picture: PictureNoise) => Tensor3D): Tensor4D =>
    tf.tidy(() => tf.stack(pictures.map(draw)) as Tensor4D)
  return {
    start: () => stacked((picture) => picture(0)),
    step: (index): Tensor => stacked((picture) => picture(index + 1)),
  }
}

/** The n-th draw of a picture: 0 is its start. */
type PictureNoise = (draw: number) => Tensor3D

function streamed(seed: number, shape: [number, number, number]): PictureNoise {
  const start = createStream(seed, "start")
  const step = createStream(seed, "step noise")
  return (draw) => tf.tensor3d(draw === 0 ? start.normal(shape) : step.normal(shape, { step: draw - 1 }), shape)
}

/** PyTorch draws channels first, one tensor after another; draws are kept, so that any can be asked for again. */
function torched(name: TorchGeneratorName, seed: number, shape: readonly [number, number, number]): PictureNoise {
  const [rows, columns, channels] = shape
  const generator: TorchGenerator = createTorchGenerator(name, seed)
  const drawn: Float32Array[] = []
  return (draw) => {
    while (drawn.length <= draw) drawn.push(generator.randn(channels * rows * columns))
    return tf.transpose(tf.tensor3d(drawn[draw] as Float32Array, [channels, rows, columns]), [1, 2, 0])
  }
}
