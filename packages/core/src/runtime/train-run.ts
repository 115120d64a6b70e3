import { checkOptions } from "../argument.ts"
import type { Client } from "../channel/client.ts"
import { createServer, type TaskTable } from "../channel/server.ts"
import { CoreError } from "../errors.ts"
import { cutCaptionNotices } from "../models/clip/caption-length.ts"
import { checkRanges } from "../number-range.ts"
import { createStream } from "../random/stream.ts"
import { batchesOfStep, batchesPerEpoch, createBatchOrder, type Sized } from "../training/batches.ts"
import type { TrainDataset } from "../training/dataset.ts"
import type { ExampleRow } from "../training/example-row.ts"
import { checkTrainOptions } from "../training/train-options.ts"
import type { TrainState } from "../training/train-state.ts"
import type { TrainRunEvent, TrainRunOptions } from "./contract.ts"
import type { EncodeRow, ExampleFeed } from "./example-feed.ts"
import { createExampleFeed } from "./example-feed.ts"
import { checkDataset, TRAIN_KINDS } from "./option-kinds.ts"
import { prepareExamples } from "./prepare-examples.ts"
import type { HelpTasks, RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import type { TrainHelp } from "./train-help.ts"

/**
 * Trains with a model on several workers. This side reads the examples. The first worker runs the steps and holds the
 * state. The other workers compute parts of the steps. See `SdxlHandle`.
 */
export async function* trainWith<Types extends RuntimeTypes>(
  clients: readonly [Client<RuntimeTasks<Types>>, ...Client<RuntimeTasks<Types>>[]],
  place: { readonly model: number; readonly run: number },
  dataset: TrainDataset,
  runOptions: TrainRunOptions,
): AsyncGenerator<TrainRunEvent, TrainState, void> {
  checkOptions("training", runOptions, TRAIN_KINDS, ["steps", "batchSize", "learningRate", "sites"])
  for (const each of [runOptions.stateEvery ?? 1].flat()) {
    checkRanges("training", { stateEvery: each }, { stateEvery: { integer: true, min: 1 } })
  }
  checkDataset("training", dataset)
  const { signal, vaeSlices, keptBytes = Number.POSITIVE_INFINITY, help, ...given } = runOptions
  const { reading: _, ...rest } = given
  const options = dataset.reading === undefined ? rest : { ...rest, reading: dataset.reading }
  // Before anything is encoded: a wrong option costs no time.
  checkTrainOptions(options)
  const { run } = place
  const { captionChunks = 1, weightedCaptions = false, seed } = options
  const { count } = dataset
  if (count < 1)
    throw new CoreError("dataset-empty", "training: the data set is empty. Give it at least one pair of pictures.")
  const [lead] = clients
  const sent = { ...place, encoding: { seed, captionChunks, weightedCaptions, vaeSlices: vaeSlices ?? null } }
  try {
    const { initial, condInput } = options
    // A run that begins with an LLLite keeps what that reads.
    const read = initial === undefined ? [{ condInput }] : initial.model.adapters
    const readsControlLatents = read.some((adapter) => adapter.condInput === "latent")
    const feed = createExampleFeed(dataset, { seed, keptBytes, readsControlLatents })
    const preparing = prepareExamples(clients, sent, dataset, feed, { signal })
    let prepared = await preparing.next()
    for (; prepared.done !== true; prepared = await preparing.next()) yield { kind: "cache", ...prepared.value }
    const { done, cut } = prepared.value
    for (const text of cutCaptionNotices(cut, captionChunks)) yield { kind: "notice", about: "captions", text }
    for (const text of dataset.texts?.notices?.() ?? []) yield { kind: "notice", about: "texts", text }
    for (const text of [...(dataset.latents?.notices?.() ?? []), ...feed.notices()]) {
      yield { kind: "notice", about: "latents", text }
    }
    const { init = "default", siteLimit } = options
    const readsControls = (init === "normalised" && initial === undefined) || siteLimit !== undefined
    const encodeFirst: EncodeRow = (row, caption) => lead.call("encode", { ...sent, row, caption }, { signal })
    const controls = readsControls ? await feed.controls(encodeFirst) : []
    if (done < count) return await lead.call("begin", { controls, options })
    const sizes = feed.sizes()
    const channel = help === undefined ? null : channelOf(help)
    const argument = { ...sent, sizes, controls, options, help: channel?.port2 ?? null }
    const steps = lead.open("train", argument, { signal, transfer: channel === null ? [] : [channel.port2] })
    const rowsOf = createStepRows(feed, sizes, options)
    let step = initial?.step ?? 0
    /** The rows of the next step, which are read while the device computes. */
    let reading = rowsOf(step)
    try {
      for (;;) {
        if (step < options.steps && signal?.aborted !== true) {
          const rows = await reading.catch((error: unknown) => {
            // A caller that stops the run because of this error gets the state of the last step.
            if (signal?.aborted === true) return null
            throw error
          })
          if (rows !== null) {
            await lead.call("supply", { ...sent, rows })
            reading = rowsOf(step + 1)
          }
        }
        const next = await steps.next()
        if (next.done === true) return next.value
        const { notice, ...made } = next.value
        step = made.step
        if (notice !== undefined) yield { kind: "notice", about: "gradients", text: notice }
        yield made
      }
    } finally {
      await steps.return(undefined as never)
      await reading.catch(() => {})
      channel?.port1.close()
    }
  } finally {
    // A worker that has ended has nothing of the run any more.
    await Promise.allSettled(clients.map((client) => client.call("forget", { run })))
  }
}

/** A channel to the help of a training, which answers at the first end. */
function channelOf(help: TrainHelp): MessageChannel {
  const channel = new MessageChannel()
  const tasks: TaskTable<HelpTasks> = {
    // biome-ignore lint/correctness/useYield: one answer
    async *free() {
      return { places: help.places(), branches: help.branches?.() ?? 0 }
    },
    // biome-ignore lint/correctness/useYield: one answer
    async *gradient(part, { signal }) {
      return help.gradient(part, signal)
    },
    // biome-ignore lint/correctness/useYield: one answer
    async *sum(group, { signal }) {
      return (await help.sum?.(group, signal)) ?? null
    },
    // biome-ignore lint/correctness/useYield: one answer
    async *takeFeedback(before) {
      return (await help.takeFeedback?.(before)) ?? new Map<number, Float32Array>()
    },
  }
  // Nothing here computes, so messages are read at any time. A pause of its own would keep the program running.
  createServer<HelpTasks>(tasks, { isConcurrent: true, pause: async () => {} }).listen(channel.port1)
  channel.port1.start()
  return channel
}

/** Reads the rows of a step's batches, by their numbers in the run. No rows after the last step. */
function createStepRows(
  feed: ExampleFeed,
  sizes: readonly Sized[],
  { steps, batchSize, accumulation = 1, seed, reading }: TrainRunOptions,
): (step: number) => Promise<ReadonlyMap<number, readonly ExampleRow[]>> {
  const perEpoch = batchesPerEpoch(sizes, batchSize)
  const batchOf = createBatchOrder(sizes, batchSize, createStream(seed, "order"), reading)
  const readStep = async (step: number): Promise<ReadonlyMap<number, readonly ExampleRow[]>> => {
    const rows = new Map<number, readonly ExampleRow[]>()
    if (step >= steps) return rows
    const moment = { epoch: Math.floor(step / Math.ceil(perEpoch / accumulation)) + 1, step, steps }
    for (const batch of batchesOfStep(step, perEpoch, accumulation)) {
      rows.set(batch, await feed.rows(batch, batchOf(batch), moment))
    }
    return rows
  }
  return (step) => {
    const reading = readStep(step)
    // It is awaited later, and may fail before that.
    reading.catch(() => {})
    return reading
  }
}
