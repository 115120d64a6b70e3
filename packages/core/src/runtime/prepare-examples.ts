import type { Client } from "../channel/client.ts"
import type { TrainDataset } from "../training/dataset.ts"
import { originalOf } from "../training/originals.ts"
import type { EncodeRow, ExampleFeed } from "./example-feed.ts"
import { merge } from "./merge.ts"
import type { RuntimeTasks, RuntimeTypes, SentEncodeOptions } from "./tasks.ts"

/** What workers are sent to encode rows for a run. */
export interface SentEncoding {
  readonly model: number
  readonly run: number
  readonly encoding: SentEncodeOptions
}

/** What preparing found. */
export interface PreparedExamples {
  /** The number of prepared examples. It is less than that of all after an abort. */
  readonly done: number
  /** Names of pictures whose captions are cut, in the order of the data set. */
  readonly cut: readonly string[]
}

/** Prepared examples, of all that are to be prepared. */
export interface Prepared {
  readonly done: number
  readonly count: number
}

interface PrepareOptions {
  /** The examples to prepare. Default: all */
  readonly indices?: readonly number[] | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Lets a feed encode its examples, each on a free worker. An abort ends it without an error.
 *
 * @throws the errors of the data set and of the workers
 */
export async function* prepareExamples<Types extends RuntimeTypes>(
  clients: readonly Client<RuntimeTasks<Types>>[],
  sent: SentEncoding,
  dataset: TrainDataset,
  feed: ExampleFeed,
  { indices, signal }: PrepareOptions,
): AsyncGenerator<Prepared, PreparedExamples, void> {
  const count = indices?.length ?? dataset.count
  const cut = new Map<number, string>()
  let taken = 0
  async function* walk(client: Client<RuntimeTasks<Types>>): AsyncGenerator<1, void, void> {
    const encode: EncodeRow = (row, caption) => client.call("encode", { ...sent, row, caption }, { signal })
    for (let at = taken++; at < count && signal?.aborted !== true; at = taken++) {
      const index = indices?.[at] ?? at
      if (originalOf(dataset, index) === index) {
        const isDone = await feed.prepare(index, encode).then(
          (name) => {
            if (name !== null) cut.set(index, name)
            return true
          },
          (error: unknown) => {
            if (signal?.aborted === true) return false
            throw error
          },
        )
        if (!isDone) return
      }
      yield 1
    }
  }
  let done = 0
  for await (const more of merge(clients.map(walk), () => {})) {
    done += more
    yield { done, count }
  }
  return { done, cut: [...cut].sort(([a], [b]) => a - b).map(([, name]) => name) }
}
