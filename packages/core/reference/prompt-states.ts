import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareAsJson } from "./case.ts"
import { probe } from "./layout.ts"

/** Rows of encoded prompts. */
export interface States {
  /** [N, T, width] */
  readonly context: Tensor3D
  /** [N, projection] */
  readonly pooled: Tensor2D
  /** The first row to compare, and their number. Default: all. */
  readonly from?: number
  readonly count?: number
  readonly tensors: ReferenceTensors
}

/** Compares states with a case's: the probe of every token, some tokens whole, and the pooled state. */
export async function compareStates(
  name: string,
  { context, pooled, from = 0, count = context.shape[0], tensors }: States,
): Promise<readonly CaseResult[]> {
  const compareTo = async (part: string, ours: ArrayLike<number>): Promise<CaseResult> =>
    compare(`prompt/${name}.${part}`, ours, await tensors.readFloat32(`${name}.${part}`))
  const states = tf.slice(context, [from, 0, 0], [count, -1, -1])
  const pools = tf.slice(pooled, [from, 0], [count, -1])
  const values = await states.data<"float32">()
  const [, length = 0, width = 0] = states.shape
  const results = [
    await compareTo("probe", probe(values, width)),
    await compareTo("rows", everyTokenOf(values, length, width)),
    await compareTo("pooled", await pools.data<"float32">()),
  ]
  tf.dispose([states, pools])
  return results
}

/** A case about ids or texts, which are to be equal. */
export function compareEqual(name: string, ours: unknown, wanted: unknown): CaseResult {
  return compareAsJson(`prompt/${name}`, ours, wanted)
}

/** Tokens between two whole rows of a case. */
const ROW_STRIDE = 25

function everyTokenOf(values: Float32Array, length: number, width: number): readonly number[] {
  const rows: number[] = []
  for (let i = 0; i < values.length / width; i++) {
    if ((i % length) % ROW_STRIDE === 0) rows.push(...values.subarray(i * width, (i + 1) * width))
  }
  return rows
}
