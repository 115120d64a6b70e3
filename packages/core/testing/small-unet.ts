import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Tap } from "../src/models/taps.ts"
import { UNKNOWN_PASS } from "../src/models/taps.ts"
import type { BlockInput } from "../src/models/unet/block-verbs.ts"
import { composedBlocks } from "../src/models/unet/block-verbs.ts"
import type { BlockContext } from "../src/models/unet/blocks.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import type { UnetBlock, UnetParams } from "../src/models/unet/params.ts"
import { inputOf, unetStages } from "../src/models/unet/walk.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { loadParams, shapesOf } from "../src/models/weight-reader.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import { createStream } from "../src/random/stream.ts"
import type { ContractResult } from "./ops-contract.ts"

/** The smallest U-Net with every kind of block. */
const SMALL_UNET: UnetConfig = {
  layout: { modelChannels: 32, channelMult: [1, 2, 2], transformerDepth: [0, 1, 1], middleDepth: 1 },
  contextDim: 12,
  pooledDim: 8,
  headDim: 16,
  inChannels: 4,
  outChannels: 4,
}

/** A block with what it reads. */
export interface BlockAtPlace {
  readonly on: BlockContext
  readonly block: UnetBlock
  readonly input: BlockInput
  /** The tensor of its tap, which trains. */
  readonly gain: Tensor
}

/** Walks through the small U-Net with a tap that trains, and checks every block. */
export async function checkEachBlock(
  ops: Ops,
  { batch, height, width }: { readonly batch: number; readonly height: number; readonly width: number },
  check: (place: BlockAtPlace) => Promise<readonly ContractResult[]>,
): Promise<readonly ContractResult[]> {
  const params = await loadSmallUnet(ops)
  const { modelChannels } = SMALL_UNET.layout
  const gain = normal("gain", [1])
  const on: BlockContext = {
    ...{ ops, tap: gainTap(gain), pass: UNKNOWN_PASS, headDim: SMALL_UNET.headDim },
    embedding: normal("embedding", [batch, 4 * modelChannels]),
    context: normal("context", [batch, 5, SMALL_UNET.contextDim]),
  }
  const stages = unetStages(params)
  const places = [normal<Tensor4D>("latents", [batch, height, width, SMALL_UNET.inChannels])]
  const results: ContractResult[] = []
  for (const [index, { block }] of stages.entries()) {
    const input = inputOf(stages, index, { places, residuals: null })
    places.push(composedBlocks.forward(on, block, input))
    results.push(...(await check({ on, block, input, gain })))
  }
  tf.dispose([gain, on.embedding, on.context, ...places])
  disposeParams(params)
  return results
}

/** A tap that trains and stands everywhere: what a layer gives, times one number and a half. */
function gainTap(gain: Tensor): Tap {
  return {
    reads: () => ({ key: "gain", reads: [], trained: [gain] }),
    has: ({ kind }: NetworkLayer) => kind !== "norm",
    after: (_, __, ys) => ys.map((y) => tf.mul(y, tf.add(1, tf.mul(gain, 0.1)))),
  }
}

/** Loads it with values that its names decide. The caller disposes it. */
async function loadSmallUnet(ops: Ops): Promise<UnetParams> {
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
