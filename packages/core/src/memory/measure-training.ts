import type { SdxlFiles } from "../models/layouts/parts.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { StopOptions } from "../models/steps.ts"
import type { Ops } from "../ops/ops.ts"
import { loadWatched } from "../worker/loading.ts"
import { type MemoryTask, NO_WORDS, runTraining } from "./plan.ts"

/** How long the parts of a training take, in seconds. */
export interface TrainingTimes {
  /** Encoding of a caption. */
  readonly text: number
  /** Encoding of a picture. */
  readonly picture: number
  /** One step with all rows of the task. */
  readonly step: number
}

/**
 * Loads a model and runs a training's step twice. The second one is measured: the first one also makes memory. Where a
 * model is small, ops take longer to begin than to compute, and no speed of a device says how long.
 *
 * @throws CoreError for what loading and the task refuse; the signal's reason when aborted
 */
export async function measureTraining(
  ops: Ops,
  files: SdxlFiles,
  task: MemoryTask,
  stop: StopOptions = {},
): Promise<TrainingTimes> {
  const sdxl = await loadUntilStopped(ops, files, stop)
  try {
    const took = new Map<string, number>()
    for (let round = 0; round < 2; round++) {
      let start = performance.now()
      const leave = (name: string): void => {
        took.set(name, (performance.now() - start) / 1000)
        start = performance.now()
      }
      await runTraining(sdxl, task, leave, stop)
    }
    return {
      text: took.get("text") ?? 0,
      picture: took.get("VAE") ?? 0,
      step: took.get("training step") ?? 0,
    }
  } finally {
    sdxl.dispose()
  }
}

/** Loads an SDXL. It stops between two reads. */
async function loadUntilStopped(
  ops: Ops,
  files: SdxlFiles,
  { signal = new AbortController().signal, pause = async () => {} }: StopOptions,
): Promise<Sdxl> {
  const loading = loadWatched(ops, files, NO_WORDS, {}, { signal, pause })
  for (;;) {
    const next = await loading.next()
    if (next.done === true) return next.value
  }
}
