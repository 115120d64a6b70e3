import { generate } from "@lllite/core"
import type { NoiseSchedule } from "@lllite/core/diffusion"
import { createNoiseSchedule } from "@lllite/core/diffusion"
import type { RgbImage } from "@lllite/core/image"
import { floatsToImage } from "@lllite/core/image"
import type { Sdxl } from "@lllite/core/models"
import { createTokenizer, decodeLatents, disposeLllite, loadSdxl, uploadLllite } from "@lllite/core/models"
import type { CachedExample, CacheExample, GradientSource, TrainState } from "@lllite/core/training"
import { createExampleCache, createTrainState, objective, train } from "@lllite/core/training"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WebRuntimeError } from "../errors.ts"
import type { TaskContext } from "../protocol/server.ts"
import type { GenerateRunEvent, SentTrainOptions, TrainStep, WorkerTasks } from "../tasks.ts"
import type { RunningBackend } from "./backend.ts"
import { openCheckpoint } from "./checkpoint.ts"
import { createSlices, expectRoom, needOf, type SlicesOf } from "./memory.ts"
import { openSource } from "./source.ts"

/** CLIP's merges, beside the worker. */
const MERGES = new URL("./clip-merges.txt", import.meta.url).href

/** Read progress is told so often at most, in milliseconds. */
const PROGRESS_EVERY = 100

/** A loaded SDXL. */
export interface Model {
  readonly sdxl: Sdxl
  readonly schedule: NoiseSchedule
  readonly slicesOf: SlicesOf
}

/**
 * Loads an SDXL checkpoint onto the device. Stopped inside, it leaves nothing there.
 *
 * @throws FormatError for a broken file or one of another kind; CoreError for one that has no room or is not whole
 */
export async function* loadModel(
  running: RunningBackend,
  { source, prediction, side }: WorkerTasks["load"]["argument"],
  { signal, pause }: TaskContext,
): AsyncGenerator<WorkerTasks["load"]["yields"], Model, void> {
  const bytes = yield* openSource(source, signal)
  let done = 0
  const file = await openCheckpoint(bytes, (count) => {
    done += count
  })
  const need = await needOf(file, side, running)
  yield { kind: "plan", need }
  expectRoom(file.label, need, running)
  const merges = await fetchText(MERGES, signal)
  let isLoaded = false
  const loading = loadSdxl(running.ops, file, createTokenizer(merges), { prediction }).finally(() => {
    isLoaded = true
  })
  // Awaited below; until then its failure is nobody's.
  loading.catch(() => {})
  let told = performance.now()
  try {
    while (!isLoaded) {
      await pause()
      signal.throwIfAborted()
      if (performance.now() - told < PROGRESS_EVERY) continue
      told = performance.now()
      yield { kind: "read", done, total: bytes.size }
    }
    const sdxl = await loading
    return { sdxl, schedule: createNoiseSchedule(), slicesOf: createSlices(running, sdxl.vae.config) }
  } catch (error) {
    // What is half loaded cannot be stopped, only let go of.
    await loading.then((sdxl) => sdxl.dispose()).catch(() => {})
    throw error
  }
}

/** Generates pictures, with an estimate of them at every step where it is asked for. */
export async function* generatePictures(
  { sdxl, slicesOf }: Model,
  { requests, options }: WorkerTasks["generate"]["argument"],
  { signal, pause }: TaskContext,
): AsyncGenerator<GenerateRunEvent, null, void> {
  const { previews = false, ...rest } = options
  const vaeSlices = options.vaeSlices ?? (await slicesOf(options))
  const adapters = (options.adapters ?? []).map((use) => ({ ...use, lllite: uploadLllite(use.lllite) }))
  try {
    for await (const event of generate(sdxl, requests, { ...rest, vaeSlices, adapters, signal, pause })) {
      if (event.kind === "image") yield event
      else {
        const { step, steps, sigma, denoised } = event
        yield { kind: "step", step, steps, sigma, previews: previews ? await decode(sdxl, denoised, vaeSlices) : [] }
      }
    }
    return null
  } finally {
    for (const { lllite } of adapters) disposeLllite(lllite)
  }
}

/** Latents as pictures. latents: [N, H, W, 4] → N pictures of 8·H by 8·W */
async function decode({ ops, vae }: Sdxl, latents: Tensor4D, slices: number): Promise<RgbImage[]> {
  const images: RgbImage[] = []
  const [count, rows, columns, channels] = latents.shape
  ops.trim?.()
  for (let index = 0; index < count; index++) {
    const picture = tf.tidy(() =>
      decodeLatents(ops, vae, tf.slice(latents, [index, 0, 0, 0], [1, rows, columns, channels]), { slices }),
    )
    images.push(floatsToImage(await picture.data<"float32">(), 8 * columns, 8 * rows))
    picture.dispose()
  }
  ops.trim?.()
  return images
}

/** The examples of one training, ready to be trained on. */
export interface ExampleCache {
  readonly add: CacheExample
  readonly examples: CachedExample[]
}

/** An empty cache. Its draws follow from the seed. */
export function createCache({ sdxl, slicesOf }: Model, seed: number): ExampleCache {
  return { add: createExampleCache(sdxl, { seed, vaeSlices: slicesOf }), examples: [] }
}

/**
 * Trains an LLLite. Aborted inside of a step, it returns the run as it was after the step before.
 *
 * @throws CoreError naming what is wrong with an option, or a loss that is no number any more
 */
export async function* trainLllite(
  model: Model,
  examples: readonly CachedExample[],
  options: SentTrainOptions,
  { signal, pause }: TaskContext,
): AsyncGenerator<TrainStep, TrainState, void> {
  // What was before is the VAE, or pictures.
  model.sdxl.ops.trim?.()
  const { sites, condDim, mlpDim, initial, init = "default", stateEvery = 0, seed } = options
  const controls = init === "normalised" ? examples.map(({ control }) => control) : []
  const state = initial ?? createTrainState(sites, { condDim, mlpDim }, seed, { controls })
  const machine = { gradients: gradientsOf(model, examples, options, { signal, pause }) }
  const steps = train(state, examples, machine, { ...options, signal })
  for (;;) {
    const next = await steps.next()
    if (next.done === true) return next.value
    const { state, ...step } = next.value
    const isKept = stateEvery > 0 && step.step % stateEvery === 0
    // Sending copies it.
    yield { kind: "step", ...step, state: isKept ? await state() : null }
  }
}

function gradientsOf(
  { sdxl, schedule }: Model,
  examples: readonly CachedExample[],
  { seed, objective: options = {} }: SentTrainOptions,
  context: TaskContext,
): GradientSource {
  return async (lllite, tasks) => {
    const parts = []
    for (const { step, firstRow, examples: indices } of tasks) {
      const rows = indices.map((index) => examples[index] as CachedExample)
      parts.push(await objective(sdxl, schedule, lllite, { seed, step, firstRow, examples: rows, ...context }, options))
    }
    return parts
  }
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal })
  if (response.ok) return response.text()
  throw new WebRuntimeError(
    `"${url}": the server answered ${response.status}. It belongs to @lllite/runtime-web; serve it beside worker.js.`,
  )
}
