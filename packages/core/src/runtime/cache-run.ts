import { checkOptions } from "../argument.ts"
import type { Client } from "../channel/client.ts"
import { CoreError } from "../errors.ts"
import { GENERATE_RANGES } from "../generation/defaults.ts"
import { cutCaptionNotices } from "../models/clip/caption-length.ts"
import { checkRanges } from "../number-range.ts"
import { checkSeed } from "../random/seed.ts"
import type { TrainDataset } from "../training/dataset.ts"
import { TRAIN_RANGES } from "../training/ranges.ts"
import type { CacheRunEvent, CacheRunOptions } from "./contract.ts"
import { createExampleFeed } from "./example-feed.ts"
import { CACHE_KINDS, checkDataset } from "./option-kinds.ts"
import { prepareExamples } from "./prepare-examples.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"

/** Fills the stores of a data set on several workers, as a training does before its first step. See `SdxlHandle`. */
export async function* cacheWith<Types extends RuntimeTypes>(
  clients: readonly Client<RuntimeTasks<Types>>[],
  place: { readonly model: number; readonly run: number },
  dataset: TrainDataset,
  options: CacheRunOptions,
): AsyncGenerator<CacheRunEvent, void, void> {
  checkOptions("caching", options, CACHE_KINDS)
  const { seed, captionChunks = 1, weightedCaptions = false, vaeSlices, indices, signal } = options
  checkDataset("caching", dataset)
  checkSeed("caching", seed)
  checkRanges("caching", { captionChunks }, TRAIN_RANGES)
  if (vaeSlices !== undefined) checkRanges("caching", { vaeSlices }, GENERATE_RANGES)
  signal?.throwIfAborted()
  if (dataset.count < 1)
    throw new CoreError("dataset-empty", "caching: the data set is empty. Give it at least one pair of pictures.")
  if (dataset.latents === undefined && dataset.texts === undefined)
    throw new CoreError("option-missing", "caching: the data set has no stores. Give it latents, texts or both.")
  const sent = { ...place, encoding: { seed, captionChunks, weightedCaptions, vaeSlices: vaeSlices ?? null } }
  // What is in no store is not encoded: nothing reads it.
  const feed = createExampleFeed(dataset, { seed, keptBytes: 0 })
  try {
    const preparing = prepareExamples(clients, sent, dataset, feed, { indices, signal })
    let prepared = await preparing.next()
    for (; prepared.done !== true; prepared = await preparing.next()) yield { kind: "cache", ...prepared.value }
    signal?.throwIfAborted()
    for (const text of cutCaptionNotices(prepared.value.cut, captionChunks)) {
      yield { kind: "notice", about: "captions", text }
    }
    for (const text of dataset.texts?.notices?.() ?? []) yield { kind: "notice", about: "texts", text }
    for (const text of dataset.latents?.notices?.() ?? []) yield { kind: "notice", about: "latents", text }
  } finally {
    await Promise.allSettled(clients.map((client) => client.call("forget", { run: place.run })))
  }
}
