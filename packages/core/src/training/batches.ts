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
  const bySize = new Map<string, number[]>()
  for (const [index, { width, height }] of examples.entries()) {
    const key = `${width}×${height}`
    const list = bySize.get(key) ?? []
    list.push(index)
    bySize.set(key, list)
  }
  const buckets = [...bySize.values()]
  const perEpoch = buckets.reduce((count, bucket) => count + Math.ceil(bucket.length / batchSize), 0)

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
