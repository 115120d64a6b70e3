import type { Ops } from "../ops/ops.ts"
import type { CachedExample } from "./dataset.ts"
import type { ExampleMemo } from "./example-memo.ts"
import type { TrainedTap } from "./gradients.ts"

/** What trains, as data: all its values in one flat list, which is what an optimiser and a sum of gradients want. */
export interface TrainableModel {
  readonly values: Float32Array
}

/** A named part of the flat values. */
export interface ValuePart {
  /** Unique in the model: its name in a file. */
  readonly name: string
  /** What it belongs to, such as `up`: a learning rate of its own, or none, can be for a group. */
  readonly group: string
  /** Shape in a file. */
  readonly shape: readonly number[]
  /** Where it begins among the flat values. Parts follow each other without gaps. */
  readonly offset: number
  readonly size: number
}

/** What a batch has for what trains. */
export interface TrainBatch {
  /** All of one size, in the order of the batch's rows. */
  readonly examples: readonly CachedExample[]
  /** For what does not change from step to step. */
  readonly memo: ExampleMemo
}

/** What trains, on a device and at its place in the network. */
export interface PlacedTrainable extends TrainedTap {
  /** Gives its tensors back. */
  dispose(): void
}

/**
 * A kind of thing that trains: how its values are named, how they stand in the network, and how they are saved. LLLite
 * is one (`LLLITE`); a LoRA would be another.
 */
export interface Trainable<M extends TrainableModel> {
  /** Names the kind in a saved run. */
  readonly kind: string
  /** All parts, in the order of the flat values. */
  parts(model: M): readonly ValuePart[]
  /**
   * Brings the values to the device. The tape begins at the first block with a leaf. The leaves together are the flat
   * values, in their order. The caller disposes what comes back.
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
