import { fileTensor, readLlliteModel } from "@lllite/core/models"
import { llliteOf, openSafetensors } from "@lllite/format"
import { expectLllite } from "@lllite/format/identify"
import { llliteChunks } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import type { Port } from "../protocol/messages.ts"
import type { TaskTable } from "../protocol/server.ts"
import { serve } from "../protocol/server.ts"
import type { WorkerTasks } from "../tasks.ts"
import type { RunningBackend } from "./backend.ts"
import { startBackend } from "./backend.ts"
import type { ExampleCache, Model } from "./models.ts"
import { createCache, generatePictures, loadModel, trainLllite } from "./models.ts"
import { openSource } from "./source.ts"

/*
 * The worker: one backend, the models on it, and whatever is heavy. The page holds numbers for what lives here.
 */

let running: RunningBackend | null = null
const models = new Map<number, Model>()
const caches = new Map<number, ExampleCache>()
let loaded = 0

const tasks: TaskTable<WorkerTasks> = {
  // biome-ignore lint/correctness/useYield: one answer
  async *start({ backend, software }) {
    running = await startBackend(backend, software)
    const { ops: _, ...what } = running
    return what
  },

  async *load(argument, context) {
    const model = yield* loadModel(started(), argument, context)
    models.set(++loaded, model)
    return { model: loaded, layout: model.sdxl.unet.config.layout }
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *unload({ model }) {
    models.get(model)?.sdxl.dispose()
    models.delete(model)
    return null
  },

  async *generate(argument, context) {
    return yield* generatePictures(modelOf(argument.model), argument, context)
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *cache({ model, run, example, index, seed }) {
    const cache = caches.get(run) ?? createCache(modelOf(model), seed)
    caches.set(run, cache)
    cache.examples[index] = await cache.add(example, index)
    return null
  },

  async *train({ model, run, options }, context) {
    return yield* trainLllite(modelOf(model), caches.get(run)?.examples ?? [], options, context)
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *forget({ run }) {
    caches.delete(run)
    return null
  },

  async *readLllite({ source, layout }, { signal }) {
    const file = await openSafetensors(yield* openSource(source, signal))
    expectLllite(file)
    return readLlliteModel(llliteOf(file, { layout }))
  },

  async *writeLllite({ model, dtype, metadata }) {
    const sites = model.adapters.map(({ site, condDim, mlpDim }) => ({ ...site, condDim, mlpDim }))
    const parts: Uint8Array[] = []
    const values = (site: (typeof sites)[number], name: Parameters<typeof fileTensor>[2]): Float32Array =>
      fileTensor(model, site, name)
    for await (const part of llliteChunks({ sites, values, dtype, metadata })) parts.push(part)
    return new Blob(parts as Uint8Array<ArrayBuffer>[], { type: "application/octet-stream" })
  },

  // biome-ignore lint/correctness/useYield: one answer
  async *memory() {
    const {
      numTensors,
      numBytes,
      numBytesAllocatedInGPU = numBytes,
    } = tf.memory() as tf.MemoryInfo & {
      // Of the WebGPU backend.
      readonly numBytesAllocatedInGPU?: number
    }
    return { tensors: numTensors, bytes: numBytes, allocated: numBytesAllocatedInGPU }
  },
}

serve<WorkerTasks>(globalThis as unknown as Port, tasks)

function started(): RunningBackend {
  if (running === null) throw new Error("worker: no backend is started yet")
  return running
}

function modelOf(id: number): Model {
  const model = models.get(id)
  if (model === undefined) throw new Error(`worker: no model ${id} is loaded, or it was disposed`)
  return model
}
