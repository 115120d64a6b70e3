import type { Client } from "../channel/client.ts"
import { CoreError } from "../errors.ts"
import { cutCaptionNotices } from "../models/clip/caption-length.ts"
import type { CachedExample, TrainDataset } from "../training/dataset.ts"
import { distinctExamples } from "../training/dataset.ts"
import { checkTrainOptions } from "../training/train-options.ts"
import type { TrainState } from "../training/train-state.ts"
import type { TrainRunEvent, TrainRunOptions } from "./contract.ts"
import { merge } from "./merge.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"

/**
 * Trains with a model on several workers. The first worker runs the steps and holds the state. The other workers
 * compute parts of the steps. See `SdxlHandle`.
 */
export async function* trainWith<Types extends RuntimeTypes>(
  clients: readonly [Client<RuntimeTasks<Types>>, ...Client<RuntimeTasks<Types>>[]],
  place: { readonly model: number; readonly run: number },
  dataset: TrainDataset,
  { signal, vaeSlices, ...options }: TrainRunOptions,
): AsyncGenerator<TrainRunEvent, TrainState, void> {
  // Before anything is encoded: a wrong option costs no time.
  checkTrainOptions(options)
  const { run } = place
  const { captionChunks = 1 } = options
  const { count } = dataset
  if (count < 1)
    throw new CoreError("dataset-empty", "training: the data set is empty. Give it at least one pair of pictures.")
  const [lead] = clients
  try {
    const groups = distinctExamples(dataset)
    const cut = new Map<number, string>()
    let done = 0
    let taken = 0
    async function* walk(client: Client<RuntimeTasks<Types>>) {
      for (let group = groups[taken++]; group !== undefined && signal?.aborted !== true; group = groups[taken++]) {
        const { first, indexes } = group
        const example = await dataset.example(first)
        const argument = { ...place, example, indexes, seed: options.seed, captionChunks, vaeSlices: vaeSlices ?? null }
        const cached = await client.call("cache", argument, { signal }).catch((error: unknown) => {
          if (signal?.aborted === true) return null
          throw error
        })
        if (cached === null) return
        if (cached.isCut) cut.set(first, example.name)
        yield indexes.length
      }
    }
    for await (const more of merge(clients.map(walk), () => {})) {
      done += more
      yield { kind: "cache", done, count }
    }
    const names = [...cut].sort(([a], [b]) => a - b).map(([, name]) => name)
    for (const text of cutCaptionNotices(names, captionChunks)) yield { kind: "notice", text }
    if (done < count) return await lead.call("begin", { run, options })
    if (clients.length > 1) await shareCaches(clients, run)
    return yield* lead.open("train", { ...place, options }, { signal })
  } finally {
    // A worker that has ended has no cache any more.
    await Promise.allSettled(clients.map((client) => client.call("forget", { run })))
  }
}

/** Gives every worker the examples of all caches, in shared memory. */
async function shareCaches<Types extends RuntimeTypes>(
  clients: readonly Client<RuntimeTasks<Types>>[],
  run: number,
): Promise<void> {
  const examples = new Map<number, CachedExample>()
  for (const client of clients) {
    for (const [index, example] of await client.call("cached", { run })) examples.set(index, example)
  }
  await Promise.all(clients.map((client) => client.call("addCached", { run, examples })))
}
