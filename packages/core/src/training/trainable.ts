import { checkArgument, checkGiven } from "../argument.ts"
import type { Ops } from "../ops/ops.ts"
import type { BatchDraws } from "./batch-draws.ts"
import type { CachedExample } from "./dataset.ts"
import type { ExampleMemo } from "./example-memo.ts"
import type { TrainedTap } from "./gradients.ts"
import type { ValuePart } from "./value-part.ts"

/** A model that trains, as data. All its values are in one flat list, which optimisers and sums of gradients use. */
export interface TrainableModel {
  readonly values: Float32Array
}

/** The parts of a batch that a trainable model reads. */
export interface TrainBatch {
  /** Examples of one size, in the order of the batch's rows. */
  readonly examples: readonly CachedExample[]
  /** Keeps values that are the same at every step. */
  readonly memo: ExampleMemo
  /** Draws the holes of controls, for a model that learns to fill them in. */
  readonly draws: Pick<BatchDraws, "holes">
  /** The factor on what the model adds, for each row. Default: 1. */
  readonly strengths?: readonly number[]
  /** The share of numbers inside the model that this step leaves out, and the draws that choose them. Default: none. */
  readonly dropout?: Dropout
}

/** What a step leaves out. */
export interface Dropout {
  /** 0 to below 1. */
  readonly rate: number
  readonly draws: Pick<BatchDraws, "keeps">
}

/** A model that trains, on a device and as a tap of the network. */
export interface PlacedTrainable extends TrainedTap {
  /** Disposes its tensors. */
  dispose(): void
}

/**
 * A kind of model that trains. It defines the names of values, their tap in the network, and their saved form. `LLLITE`
 * is one kind; a LoRA would be another.
 */
export interface Trainable<M extends TrainableModel> {
  /** The name of the kind in a saved run. */
  readonly kind: string
  /** All parts, in the order of the flat values. */
  parts(model: M): readonly ValuePart[]
  /**
   * Uploads the values to the device. The tape begins at the first block with a leaf. Without `values`, the leaves
   * together are the flat values, in their order. The caller disposes the result.
   */
  place(ops: Ops, model: M, batch: TrainBatch): PlacedTrainable
  /** One part in a file's order, of the part's shape. */
  tensor(model: M, part: ValuePart): Float32Array
  /**
   * A model like this one with other values. Undoes `tensor`.
   *
   * @param tensor a part in a file's order, as long as the part
   */
  fill(like: M, tensor: (part: ValuePart) => Float32Array): M
}

/** @throws CoreError for a value that is not a kind of model that trains */
export function checkTrainable(place: string, trainable: unknown): void {
  checkGiven(`${place}: the trainable`, trainable, "parts", "core, as LLLITE,")
  const { parts, place: placed, tensor, fill } = trainable as Trainable<TrainableModel>
  for (const [name, value] of Object.entries({ parts, place: placed, tensor, fill }))
    checkArgument(`${place}: ${name} of the trainable`, value, "a function")
}

/** @throws CoreError for a value that is no model, whatever it is of */
export function checkTrainableModel(place: string, model: unknown): void {
  checkGiven(`${place}: the model`, model, "values", "createLllite, readLlliteModel or createTrainState, as its model,")
  checkArgument(`${place}: the values of the model`, (model as TrainableModel).values, "float32 values")
}
