import os from "node:os"
import type { MemoryPhase, MemoryTask } from "@lllite/core/memory"
import { letStop, measureTraining } from "@lllite/core/memory"
import { checkArgument } from "@lllite/core/names"
import type { NodeBackend } from "../backends/names.ts"
import { startBackend } from "../backends/start.ts"
import type { StartOptions } from "../backends/started-backend.ts"
import { openSdxl, type SdxlPaths } from "../files/open-sdxl.ts"
import { findTensorflow } from "../tensorflow/installation.ts"
import { pause } from "../workers/pause.ts"
import { estimateTraining } from "./estimate-training.ts"
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

/**
 * What a run holds beside its backend and its tensors: code that it loads later, decoded pictures, and what is not yet
 * collected. It was 90 to 200 MB in five runs of the tiny model.
 */
const RUN_BYTES = 140e6

/** Weights of at most this size are loaded by a plan, and a step of at most so many pixels is run. It takes seconds. */
const [SMALL_MODEL_BYTES, SMALL_TASK_PIXELS] = [256e6, 512 ** 2]

/** What a training needs, before anything of a large model is loaded. */
export interface TrainNeed {
  readonly backend: NodeBackend
  readonly threads: number
  /** Bytes of this process without tensors. */
  readonly baseBytes: number
  /** Bytes of the model's weights in all threads. */
  readonly weightBytes: number
  /** Most bytes of each phase in all threads, weights included. */
  readonly phases: readonly { readonly name: MemoryPhase["name"]; readonly bytes: number }[]
  /** Seconds of encoding a caption and a picture, and of one part of a step. */
  readonly seconds: { readonly text: number; readonly picture: number; readonly part: number }
}

/**
 * Plans a training: starts the backend in this thread, and runs the training on a backend that computes shapes only.
 * The time is measured. A step of a small model is run itself, and for a large one see `estimateTraining`.
 *
 * @throws InputError for files and a backend that do not work; CoreError for what loading and the task refuse; the
 * signal's reason when aborted
 */
export async function planTrain(
  paths: SdxlPaths,
  place: TrainNeedPlace,
  given: TrainNeedTask,
  signal?: AbortSignal,
): Promise<TrainNeed> {
  checkArgument("planTrain: the place", place, "an object")
  checkArgument("planTrain: the task", given, "an object")
  checkArgument("planTrain: rows", given.rows, "a number")
  const { backend: asked, threads: askedThreads, ...options } = place
  const { rows, ...task } = given
  const backend = asked ?? (askedThreads !== undefined && askedThreads > 1 ? "wasm" : usual())
  const isNative = backend === "tensorflow" || backend === "webgpu"
  const threads = isNative ? 1 : (askedThreads ?? Math.min(2, os.availableParallelism()))
  const opened = await openSdxl(paths)
  try {
    const { ops, device } = await startBackend(backend, options)
    // Measuring takes memory, too, which a run does not need.
    const baseBytes = process.memoryUsage.rss() + RUN_BYTES + (threads - 1) * THREAD_BYTES
    const { weights = "file", precision = "F32" } = options
    const place = { backend, device, threads, weights, precision }
    const all = { ...task, kind: "train", batchSize: rows } as const
    const stop = { pause, ...(signal === undefined ? {} : { signal }) }
    await letStop(stop)
    const plan = await planTaskMemory(opened.files, place, all, stop)
    const { phases, weightBytes } = plan
    const isSmall = weightBytes <= SMALL_MODEL_BYTES && rows * task.width * task.height <= SMALL_TASK_PIXELS
    const { step, ...encoding } = await (isSmall
      ? measureTraining(ops, opened.files, all, stop)
      : estimateTraining(ops, opened.files, place, plan, stop))
    return {
      ...{ backend, threads, baseBytes, weightBytes: threads * weightBytes },
      phases: phases.map(({ name, peakBytes }) => ({ name, bytes: threads * peakBytes })),
      seconds: { ...encoding, part: step },
    }
  } finally {
    await opened.close()
  }
}

function usual(): NodeBackend {
  return findTensorflow().found === null ? "wasm" : "tensorflow"
}
