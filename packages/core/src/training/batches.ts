import { checkArgument, checkArguments, checkGiven } from "../argument.ts"
import { checkRanges } from "../number-range.ts"
import type { RandomStream } from "../random/stream.ts"
import { TRAIN_RANGES } from "./ranges.ts"

/** The size of an example. Examples of one size may share a batch. */
export interface Sized {
  readonly width: number
  readonly height: number
  /** The most examples of its batch, if that is not the run's. Only examples with the same number share a batch. */
  readonly batchSize?: number
}

/** Examples that lie in blocks, such as archives, which are read from their beginnings to their ends. */
export interface ReadingOrder {
  /** The first example of each block, in order, from 0. */
  readonly blocks: readonly number[]
  /** Examples among which the next one is drawn. */
  readonly buffer: number
}

/**
 * The order of batches. Every example comes once in an epoch. Each batch has one size, and each epoch is shuffled anew.
 * The last batch of a size may be short. The function gives any step's batch without the batches before it.
 *
 * With a reading order, the blocks are shuffled, and their examples pass through a buffer. The next example is drawn from
 * it, and the following one takes its place. Source: webdataset's `shuffle`.
 *
 * @returns a function from a step, counted from 0, to the indices of its examples
 * @throws CoreError when batchSize is out of range
 */
export function createBatchOrder(
  examples: readonly Sized[],
  batchSize: number,
  stream: RandomStream,
  reading?: ReadingOrder,
): (step: number) => readonly number[] {
  checkGiven("training: the stream", stream, "permutation", "createStream")
  checkRanges("training", { batchSize }, TRAIN_RANGES)
  const buckets = bucketsOf(examples, batchSize)
  for (const { batchSize } of buckets) checkRanges("training", { batchSize }, TRAIN_RANGES)
  const perEpoch = batchesPerEpoch(examples, batchSize)

  let cached: { epoch: number; batches: readonly (readonly number[])[] } | null = null
  const epochOf = (epoch: number): readonly (readonly number[])[] => {
    if (cached?.epoch === epoch) return cached.batches
    if (reading !== undefined) {
      cached = { epoch, batches: batchesOf(drawnOrder(examples.length, reading, stream, epoch), buckets) }
      return cached.batches
    }
    const batches: number[][] = []
    for (const [index, { indices: bucket, batchSize: size }] of buckets.entries()) {
      const shuffled = Array.from(
        stream.permutation(bucket.length, { step: epoch, index: index + 1 }),
        (place) => bucket[place] as number,
      )
      for (let from = 0; from < shuffled.length; from += size) batches.push(shuffled.slice(from, from + size))
    }
    const order = stream.permutation(batches.length, { step: epoch })
    cached = { epoch, batches: Array.from(order, (place) => batches[place] as number[]) }
    return cached.batches
  }
  return (step) => epochOf(Math.floor(step / perEpoch))[step % perEpoch] as readonly number[]
}

/** The examples of an epoch as they leave the buffer. */
function drawnOrder(
  count: number,
  { blocks, buffer: size }: ReadingOrder,
  stream: RandomStream,
  epoch: number,
): Uint32Array {
  const order = new Uint32Array(count)
  const draws = stream.uniform(count, { step: epoch, index: 1 })
  const buffer: number[] = []
  let placed = 0
  const draw = (): number => Math.min(buffer.length - 1, Math.floor((draws[placed] as number) * buffer.length))
  for (const block of stream.permutation(blocks.length, { step: epoch })) {
    for (let index = blocks[block] as number; index < (blocks[block + 1] ?? count); index++) {
      if (buffer.length < size) {
        buffer.push(index)
        continue
      }
      const at = draw()
      order[placed++] = buffer[at] as number
      buffer[at] = index
    }
  }
  while (buffer.length > 0) {
    const at = draw()
    order[placed++] = buffer[at] as number
    buffer[at] = buffer.at(-1) as number
    buffer.pop()
  }
  return order
}

/** Batches of one bucket each, as they fill. Those that stay short come last. */
function batchesOf(order: Uint32Array, buckets: readonly Bucket[]): readonly (readonly number[])[] {
  const bucketOf = new Uint32Array(order.length)
  for (const [place, { indices }] of buckets.entries()) for (const index of indices) bucketOf[index] = place
  const filling = buckets.map((): number[] => [])
  const batches: number[][] = []
  for (const index of order) {
    const place = bucketOf[index] as number
    const batch = filling[place] as number[]
    batch.push(index)
    if (batch.length < (buckets[place] as Bucket).batchSize) continue
    batches.push(batch)
    filling[place] = []
  }
  return [...batches, ...filling.filter((batch) => batch.length > 0)]
}

/** Examples that may share a batch. */
interface Bucket {
  readonly indices: readonly number[]
  /** The most of them in a batch. */
  readonly batchSize: number
}

/** @param batchSize of examples that name none */
function bucketsOf(examples: readonly Sized[], batchSize: number): readonly Bucket[] {
  const buckets = new Map<string, { readonly indices: number[]; readonly batchSize: number }>()
  checkArgument("training: the examples", examples, "a list")
  for (const [index, example] of examples.entries()) {
    checkArgument(`training: example ${index}`, example, "an object")
    const { width, height, batchSize: own = batchSize } = example
    checkArguments(`training: example ${index}`, "a finite number", { width, height })
    const key = `${width}×${height} by ${own}`
    const bucket = buckets.get(key) ?? { indices: [], batchSize: own }
    bucket.indices.push(index)
    buckets.set(key, bucket)
  }
  return [...buckets.values()]
}

/** The most examples that a batch has. */
export function largestBatch(examples: readonly Sized[], batchSize: number): number {
  checkArgument("training: the batch size", batchSize, "a finite number")
  return Math.max(
    1,
    ...bucketsOf(examples, batchSize).map((bucket) => Math.min(bucket.indices.length, bucket.batchSize)),
  )
}

/** Batches in one epoch: the last batch of a size may be short. Source: sd-scripts `BucketManager`. */
export function batchesPerEpoch(examples: readonly Sized[], batchSize: number): number {
  return bucketsOf(examples, batchSize).reduce(
    (sum, bucket) => sum + Math.ceil(bucket.indices.length / bucket.batchSize),
    0,
  )
}

/**
 * Steps in one epoch, if each takes some batches. A step never takes batches of two epochs, so the last one of an epoch
 * may have fewer. Source: accelerate, whose data loader ends an accumulation.
 */
export function stepsPerEpoch(examples: readonly Sized[], batchSize: number, accumulation = 1): number {
  checkArguments("training", "a finite number", { batchSize, accumulation })
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
