import { checkRanges } from "../number-range.ts"
import type { RandomStream } from "../random/stream.ts"
import { TRAIN_RANGES } from "./ranges.ts"

/** The size of an example. Examples of one size may share a batch. */
export interface Sized {
  readonly width: number
  readonly height: number
}

/**
 * The order of batches. Every example comes once in an epoch. Each batch has one size, and each epoch is shuffled anew.
 * The last batch of a size may be short. The function gives any step's batch without the batches before it.
 *
 * @returns a function from a step, counted from 0, to the indices of its examples
 * @throws CoreError when batchSize is out of range
 */
export function createBatchOrder(
  examples: readonly Sized[],
  batchSize: number,
  stream: RandomStream,
): (step: number) => readonly number[] {
  checkRanges("training", { batchSize }, TRAIN_RANGES)
  const buckets = bucketsOf(examples)
  const perEpoch = batchesPerEpoch(examples, batchSize)

  let cached: { epoch: number; batches: readonly (readonly number[])[] } | null = null
  const epochOf = (epoch: number): readonly (readonly number[])[] => {
    if (cached?.epoch === epoch) return cached.batches
    const batches: number[][] = []
    for (const [index, bucket] of buckets.entries()) {
      const shuffled = Array.from(
        stream.permutation(bucket.length, { step: epoch, index: index + 1 }),
        (place) => bucket[place] as number,
      )
      for (let from = 0; from < shuffled.length; from += batchSize) batches.push(shuffled.slice(from, from + batchSize))
    }
    const order = stream.permutation(batches.length, { step: epoch })
    cached = { epoch, batches: Array.from(order, (place) => batches[place] as number[]) }
    return cached.batches
  }
  return (step) => epochOf(Math.floor(step / perEpoch))[step % perEpoch] as readonly number[]
}

/** The examples of each size, by their indices. */
function bucketsOf(examples: readonly Sized[]): readonly (readonly number[])[] {
  const bySize = new Map<string, number[]>()
  for (const [index, { width, height }] of examples.entries()) {
    const key = `${width}×${height}`
    const list = bySize.get(key) ?? []
    list.push(index)
    bySize.set(key, list)
  }
  return [...bySize.values()]
}

/** Batches in one epoch: the last batch of a size may be short. Source: sd-scripts `BucketManager`. */
export function batchesPerEpoch(examples: readonly Sized[], batchSize: number): number {
  return bucketsOf(examples).reduce((count, bucket) => count + Math.ceil(bucket.length / batchSize), 0)
}

/**
 * Steps in one epoch, if each takes some batches. A step never takes batches of two epochs, so the last one of an epoch
 * may have fewer. Source: accelerate, whose data loader ends an accumulation.
 */
export function stepsPerEpoch(examples: readonly Sized[], batchSize: number, accumulation = 1): number {
  return Math.ceil(batchesPerEpoch(examples, batchSize) / accumulation)
}

/**
 * The numbers of a step's batches in the run, from 0.
 *
 * @param perEpoch the batches in one epoch
 */
export function batchesOfStep(step: number, perEpoch: number, accumulation: number): readonly number[] {
  const steps = Math.ceil(perEpoch / accumulation)
  const first = (step % steps) * accumulation
  const count = Math.min(accumulation, perEpoch - first)
  return Array.from({ length: count }, (_, i) => Math.floor(step / steps) * perEpoch + first + i)
}
