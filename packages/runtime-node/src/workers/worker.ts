import { parentPort } from "node:worker_threads"
import { generate } from "@lllite/core"
import type { NoiseSchedule } from "@lllite/core/diffusion"
import { createNoiseSchedule } from "@lllite/core/diffusion"
import type { RgbImage } from "@lllite/core/image"
import { chooseVaeSlices } from "@lllite/core/memory"
import type { LlliteModel, Sdxl, VaePicture } from "@lllite/core/models"
import { disposeLllite, layOutSlots, uploadLllite } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { selfCheck } from "@lllite/core/ops"
import type { CachedExample } from "@lllite/core/training"
import { createExampleCache, objective } from "@lllite/core/training"
import { TOLERANCES } from "../backends/names.ts"
import { startBackend } from "../backends/start.ts"
import { loadCheckpoint } from "../checkpoint.ts"
import { footprintOf, type ModelPlace } from "../footprint.ts"
import type { VaePlace } from "../vae-room.ts"
import { vaeRoom } from "../vae-room.ts"
import type { CallMessage, CallName, ReplyMessage, WorkerCalls } from "./protocol.ts"
import { ABORT } from "./protocol.ts"

/*
 * A thread with a backend and a model of its own. It does what it is told, one call after another; nothing it computes
 * depends on what it did before, so any worker may do any part of a job.
 */

const port = parentPort
if (port === null) throw new Error("worker: this file is to be started as a worker thread")

let ops: Ops | null = null
let sdxl: Sdxl | null = null
let schedule: NoiseSchedule | null = null
let examples: readonly CachedExample[] = []
let caches: { key: string; cache: ReturnType<typeof createExampleCache> } | null = null
let place: (VaePlace & ModelPlace) | null = null
const slices = new Map<string, Promise<number>>()
let abort = new AbortController()
let last: Promise<void> = Promise.resolve()

type Handlers = {
  [N in CallName]: (
    argument: WorkerCalls[N]["argument"],
    progress: (step: number, steps: number) => void,
    signal: AbortSignal,
  ) => Promise<WorkerCalls[N]["result"]>
}

const handlers: Handlers = {
  async start({ backend, options, threads }) {
    const { ops: started, ...what } = await startBackend(backend, options)
    await selfCheck(started, TOLERANCES[options.precision ?? "float32"])
    ops = started
    const { maxTensorBytes } = started
    place = {
      ...{ backend, device: what.device, threads, weights: options.weights ?? "file" },
      ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }),
    }
    return what
  },

  async load({ checkpoint, ...options }) {
    slices.clear()
    sdxl = await loadCheckpoint(loaded(ops), checkpoint, options)
    schedule = createNoiseSchedule()
    return { layout: sdxl.unet.config.layout }
  },

  async cache({ example, index, seed, vaeSlices }) {
    const key = `${seed} ${vaeSlices}`
    if (caches?.key !== key) {
      const slicesOf = async (picture: VaePicture): Promise<number> => vaeSlices ?? slicesFor(picture)
      caches = { key, cache: createExampleCache(loaded(sdxl), { seed, vaeSlices: slicesOf }) }
    }
    return caches.cache(example, index)
  },

  async examples(list) {
    examples = list
    // What comes now is the U-Net alone.
    ops?.trim?.()
    return null
  },

  async gradient({ adapters, values, seed, task, objective: options }, _, signal) {
    const model: LlliteModel = { adapters, slots: layOutSlots(adapters).slots, values }
    const rows = task.examples.map((index) => examples[index] as CachedExample)
    const { step, firstRow } = task
    return objective(loaded(sdxl), loaded(schedule), model, { seed, step, firstRow, examples: rows, signal }, options)
  },

  async generate({ requests, options }, progress, signal) {
    const adapters = (options.adapters ?? []).map((use) => ({ ...use, lllite: uploadLllite(use.lllite) }))
    const images: RgbImage[] = []
    try {
      for await (const event of generate(loaded(sdxl), requests, {
        ...options,
        vaeSlices: options.vaeSlices ?? (await slicesFor(options)),
        adapters,
        signal,
      })) {
        if (event.kind === "image") images.push(event.image)
        else progress(event.step, event.steps)
      }
    } finally {
      for (const { lllite } of adapters) disposeLllite(lllite)
    }
    return images
  },
}

port.on("message", (message: CallMessage | typeof ABORT) => {
  if (message === ABORT) {
    abort.abort(new Error("stopped"))
    abort = new AbortController()
    return
  }
  last = last.then(() => answer(message))
})

async function answer({ id, name, argument }: CallMessage): Promise<void> {
  const send = (reply: ReplyMessage): void => port?.postMessage(reply)
  try {
    const handler = handlers[name] as Handlers[CallName]
    const progress = (step: number, steps: number): void => send({ id, kind: "progress", step, steps })
    const result = await (handler as (...args: readonly unknown[]) => Promise<unknown>)(
      argument,
      progress,
      abort.signal,
    )
    send({ id, kind: "result", result })
  } catch (error) {
    send({ id, kind: "error", error, name: error instanceof Error ? error.name : "Error" })
  }
}

/** Slices in which a picture had room when one of its size came first. */
function slicesFor({ width, height }: VaePicture): Promise<number> {
  const [here, { vae }] = [loaded(place), loaded(sdxl)]
  const size = `${width}×${height}`
  const found = slices.get(size) ?? chooseVaeSlices(vae.config, { width, height }, vaeRoom(here), footprintOf(here))
  slices.set(size, found)
  return found
}

function loaded<T>(value: T | null): T {
  if (value === null) throw new Error("worker: no backend is started, or no model is loaded yet")
  return value
}
