import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { BlockVerbs } from "../src/models/unet/block-verbs.ts"
import { composedBlocks } from "../src/models/unet/block-verbs.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { ContractResult } from "./ops-contract.ts"
import type { BlockAtPlace } from "./small-unet.ts"
import { checkEachBlock, normal, relativeError } from "./small-unet.ts"

const TOLERANCE = 5e-5

/**
 * Compares a runtime's blocks with those composed of the ops. It runs every block of a small U-Net forward, forward
 * with `keep`, and back. Every block has a tap that trains. No tensor may be left behind.
 */
export async function checkBlocks(ops: Ops, blocks: BlockVerbs): Promise<readonly ContractResult[]> {
  return checkEachBlock(ops, { batch: 2, height: 8, width: 8 }, (place) => checkBlock(place, blocks))
}

async function checkBlock(
  { on, block, input, gain }: BlockAtPlace,
  blocks: BlockVerbs,
): Promise<readonly ContractResult[]> {
  const kinds = new Set(block.parts.map(({ kind }) => kind))
  const wanted: [string, Tensor][] = [["x", input.x]]
  if (input.skip !== null) wanted.push(["skip", input.skip])
  if (kinds.has("res")) wanted.push(["embedding", on.embedding])
  if (kinds.has("transformer")) wanted.push(["context", on.context])
  wanted.push(["a leaf", gain])
  const tensors = wanted.map(([, tensor]) => tensor)

  const value = composedBlocks.forward(on, block, input)
  const dy = normal<Tensor4D>(`slope of ${block.name}`, value.shape)
  const slopes = composedBlocks.back(on, block, input, dy, tensors)

  // Weights may keep a copy of themselves from the first backward pass on.
  const before = tf.memory().numTensors
  const forward = blocks.forward(on, block, input)
  const kept = blocks.keep(on, block, input)
  const keptSlopes = kept.back(dy, tensors)
  kept.dispose()
  const backSlopes = blocks.back(on, block, input, dy, tensors)
  const compared: [string, Tensor, Tensor][] = [
    ["forward, value", forward, value],
    ["keep, value", kept.y, value],
    ...wanted.flatMap(([name], i): [string, Tensor, Tensor][] => [
      [`keep, slope at ${name}`, keptSlopes[i] as Tensor, slopes[i] as Tensor],
      [`back, slope at ${name}`, backSlopes[i] as Tensor, slopes[i] as Tensor],
    ]),
  ]
  const results = await Promise.all(
    compared.map(async ([what, got, expected]): Promise<ContractResult> => {
      const maxRelError = await relativeError(got, expected)
      return { case: `${block.name}: ${what}`, maxRelError, tolerance: TOLERANCE, ok: maxRelError <= TOLERANCE }
    }),
  )
  tf.dispose([forward, kept.y, ...keptSlopes, ...backSlopes])
  const left = tf.memory().numTensors - before
  tf.dispose([value, dy, ...slopes])
  return [...results, { case: `${block.name}: tensors left behind`, maxRelError: left, tolerance: 0, ok: left === 0 }]
}
