import type { NetworkLayer } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Tap } from "../src/models/taps.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { loadParams, shapesOf } from "../src/models/weight-reader.ts"
import type { Ops } from "../src/ops/ops.ts"
import { createStream } from "../src/random/stream.ts"

/** The smallest U-Net with every kind of block. */
export const SMALL_UNET: UnetConfig = {
  layout: { modelChannels: 32, channelMult: [1, 2, 2], transformerDepth: [0, 1, 1], middleDepth: 1 },
  contextDim: 12,
  pooledDim: 8,
  headDim: 16,
  inChannels: 4,
  outChannels: 4,
}

/** A tap that trains and stands everywhere: what a layer gives, times one number and a half. */
export function gainTap(gain: Tensor): Tap {
  return {
    reads: () => ({ key: "gain", reads: [], trained: [gain] }),
    has: ({ kind }: NetworkLayer) => kind !== "norm",
    after: (_, __, ys) => ys.map((y) => tf.mul(y, tf.add(1, tf.mul(gain, 0.1)))),
  }
}

/** Loads it with values that its names decide. The caller disposes it. */
export async function loadSmallUnet(ops: Ops): Promise<UnetParams> {
  const build = buildUnet(SMALL_UNET)
  const entries = new Map(
    [...(await shapesOf(build))].map(([name, shape]) => {
      const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
      const read = async (): Promise<Uint8Array> => {
        const values = createStream(1, name).normal(tf.util.sizeFromShape([...shape]))
        return new Uint8Array(values.map((value) => value / Math.sqrt(fanIn)).buffer)
      }
      return [name, { name, dtype: "F32" as const, shape, read }]
    }),
  )
  return loadParams("a small U-Net", { label: "the contract", entries }, ops.load, build)
}

/** Standard normal values that a name decides. */
export function normal<T extends Tensor>(name: string, shape: readonly number[]): T {
  return tf.tensor(createStream(1, name).normal(tf.util.sizeFromShape([...shape])), [...shape]) as T
}

/** The greatest difference, in units of the greatest expected value. */
export async function relativeError(got: Tensor | undefined, expected: Tensor): Promise<number> {
  if (got === undefined || String(got.shape) !== String(expected.shape)) return Number.POSITIVE_INFINITY
  const [found, wanted] = [await got.data(), await expected.data()]
  let [difference, greatest] = [0, 0]
  for (let i = 0; i < wanted.length; i++) {
    const apart = Math.abs((found[i] as number) - (wanted[i] as number))
    if (Number.isNaN(apart)) return Number.POSITIVE_INFINITY
    difference = Math.max(difference, apart)
    greatest = Math.max(greatest, Math.abs(wanted[i] as number))
  }
  return difference === 0 ? 0 : difference / greatest
}
