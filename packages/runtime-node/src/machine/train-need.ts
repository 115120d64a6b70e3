import os from "node:os"
import type { MemoryPhase, MemoryTask } from "@lllite/core/memory"
import { measureSpeed, measureTraining } from "@lllite/core/memory"
import { partsOf, type WeightFile } from "@lllite/core/models"
import type { WeightEntry } from "@lllite/core/ops"
import type { NodeBackend } from "../backends/names.ts"
import { startBackend } from "../backends/start.ts"
import type { StartOptions } from "../backends/started-backend.ts"
import { openSdxl, type SdxlPaths } from "../files/open-sdxl.ts"
import { findTensorflow } from "../tensorflow/installation.ts"
import { planTaskMemory } from "./task-memory.ts"

/** A training whose need is planned. */
export interface TrainNeedTask extends Omit<MemoryTask, "kind" | "batchSize"> {
  /** Rows of a part of a batch, which a thread computes at once. */
  readonly rows: number
}

/** Where a training would run. */
export interface TrainNeedPlace extends StartOptions {
  /** Default: the one that a run would choose. */
  readonly backend?: NodeBackend
  readonly threads?: number
}

/** A thread of Node with TensorFlow.js takes this much, measured with two threads on `wasm`. */
const THREAD_BYTES = 45e6

/** Weights of at most this size are loaded by a plan, and a step of at most so many pixels is run. It takes seconds. */
const [SMALL_MODEL_BYTES, SMALL_TASK_PIXELS] = [256e6, 512 ** 2]

/** What a training needs, before anything of a large model is loaded. */
export interface TrainNeed {
  readonly backend: NodeBackend
  readonly threads: number
  /** Bytes of this process with the backend alone. */
  readonly baseBytes: number
  /** Bytes of the model's weights in all threads. */
  readonly weightBytes: number
  /** Most bytes of each phase in all threads, weights included. */
  readonly phases: readonly { readonly name: MemoryPhase["name"]; readonly bytes: number }[]
  /** Seconds of encoding one pair, and of one part of a step. */
  readonly seconds: { readonly pair: number; readonly part: number }
}

/**
 * Plans a training: starts the backend in this thread, and runs the training on a backend that computes shapes only.
 * The time follows from the speed of the backend, which is measured for a second. A step of a small model is run itself.
 *
 * @throws InputError for files and a backend that do not work; CoreError for what loading and the task refuse
 */
export async function planTrain(
  paths: SdxlPaths,
  { backend: asked, threads: askedThreads, ...options }: TrainNeedPlace,
  { rows, ...task }: TrainNeedTask,
): Promise<TrainNeed> {
  const backend = asked ?? (askedThreads !== undefined && askedThreads > 1 ? "wasm" : usual())
  const isNative = backend === "tensorflow" || backend === "webgpu"
  const threads = isNative ? 1 : (askedThreads ?? Math.min(2, os.availableParallelism()))
  const opened = await openSdxl(paths)
  try {
    const { ops, device } = await startBackend(backend, options)
    // Measuring takes memory, too, which a run does not need.
    const baseBytes = process.memoryUsage.rss() + (threads - 1) * THREAD_BYTES
    const place = { backend, device, threads, weights: options.weights ?? "file" }
    const all = { ...task, kind: "train", batchSize: rows } as const
    const { phases, weightBytes } = await planTaskMemory(opened.files, place, all)
    const workOf = (name: MemoryPhase["name"]): MemoryPhase["work"] =>
      phases.find((phase) => phase.name === name)?.work ?? new Map()
    const secondsOf = async (): Promise<TrainNeed["seconds"]> => {
      if (weightBytes <= SMALL_MODEL_BYTES && rows * task.width * task.height <= SMALL_TASK_PIXELS) {
        const { pair, step } = await measureTraining(ops, opened.files, all)
        return { pair, part: step }
      }
      const speed = await measureSpeed(ops, largestEntry(partsOf(opened.files).unet)?.dtype)
      return { pair: speed.seconds(workOf("VAE and text")), part: speed.seconds(workOf("training step")) }
    }
    return {
      ...{ backend, threads, baseBytes, weightBytes: threads * weightBytes },
      phases: phases.map(({ name, peakBytes }) => ({ name, bytes: threads * peakBytes })),
      seconds: await secondsOf(),
    }
  } finally {
    await opened.close()
  }
}

/** The largest tensor of a file. Its dtype is that of most of the weights. */
function largestEntry({ entries }: Pick<WeightFile, "entries">): WeightEntry | undefined {
  const sizeOf = ({ shape }: WeightEntry): number => shape.reduce((product, length) => product * length, 1)
  let largest: WeightEntry | undefined
  for (const entry of entries.values()) {
    if (largest === undefined || sizeOf(entry) > sizeOf(largest)) largest = entry
  }
  return largest
}

function usual(): NodeBackend {
  return findTensorflow().found === null ? "wasm" : "tensorflow"
}
