import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Ops } from "../../src/ops/ops.ts"
import type { WeightEntry } from "../../src/ops/weight-entry.ts"
import { createStream } from "../../src/random/stream.ts"
import type * as plain from "../plain-ops.ts"

/** A verb of `Ops` with fixed shapes, on a device and in float64. */
export interface OpsCase {
  readonly name: string
  readonly inputs: readonly CaseInput[]
  /** The largest difference of the result, relative to the greatest expected value. */
  readonly tolerance: number
  /** The verb with its weights loaded. */
  prepare(ops: Ops): Promise<PreparedCase>
  /** The result in float64, from the inputs' values. */
  expected(...inputs: plain.Values[]): plain.Values
}

export interface CaseInput {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

export interface PreparedCase {
  run(...inputs: Tensor[]): Tensor
  dispose(): void
}

/**
 * The tolerance for float32 products of a few hundred terms. Backends with bfloat16 or float16 need other tolerances.
 */
export const TOLERANCE = 2e-5

/** The values of a result, with another tensor's added. */
export function sum(values: plain.Values, plus: plain.Values | undefined): plain.Values {
  return plus === undefined ? values : values.map((value, i) => value + (plus[i] as number))
}

export function input(name: string, shape: readonly number[], spread = 1, centre = 0): CaseInput {
  return { shape, values: values(name, shape, spread, centre) }
}

export function values(name: string, shape: readonly number[], spread = 1, centre = 0): Float32Array {
  return createStream(1, name)
    .normal(tf.util.sizeFromShape([...shape]))
    .map((value) => value * spread + centre)
}

export function entry(name: string, shape: readonly number[], values: Float32Array): WeightEntry {
  return { name, dtype: "F32", shape, read: async () => new Uint8Array(values.slice().buffer) }
}

export function doubles(values: Float32Array): plain.Values {
  return Float64Array.from(values)
}
