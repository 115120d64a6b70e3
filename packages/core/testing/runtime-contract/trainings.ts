import type { LlliteModel } from "../../src/models/lllite/layout.ts"
import type { SdxlHandle, TrainRunOptions } from "../../src/runtime/contract.ts"
import type { TrainDataset } from "../../src/training/dataset.ts"
import type { DivergedError } from "../../src/training/diverged-error.ts"
import type { TrainState } from "../../src/training/train-state.ts"
import type { RuntimeSubject } from "./case.ts"
import { lines, SIDE } from "./pictures.ts"

/** Two examples, each with another control. */
export function dataset(): TrainDataset {
  const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const
  return {
    count: 2,
    async example(index) {
      const image = {
        width: SIDE,
        height: SIDE,
        data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * (7 + index)) % 256),
      }
      return { name: `example ${index}`, image, control: lines(8 + 16 * index), caption: "a red star", size }
    },
  }
}

/** Options of a training of two steps, with changes. */
export function trainOptions<Source>(
  sdxl: SdxlHandle,
  subject: RuntimeSubject<Source>,
  changes: Partial<TrainRunOptions>,
): TrainRunOptions {
  return {
    sites: subject.sites(sdxl),
    ...{ condDim: 8, mlpDim: 8, steps: 2, batchSize: 1, seed: 1, learningRate: 1e-2 },
    ...changes,
  }
}

/** Trains to the end, and reports every event in words. */
export async function train<Source>(
  sdxl: SdxlHandle,
  subject: RuntimeSubject<Source>,
  changes: Partial<TrainRunOptions> = {},
  onEvent: (event: string) => void = () => {},
  examples = dataset(),
): Promise<TrainState> {
  const run = sdxl.train(examples, trainOptions(sdxl, subject, changes))
  for (;;) {
    const next = await run.next()
    if (next.done === true) return next.value
    const event = next.value
    if (event.kind === "notice") onEvent(`notice ${event.text}`)
    else if (event.kind === "cache") onEvent(`cache ${event.done} of ${event.count}`)
    else onEvent(`step ${event.step} of ${event.steps}${event.state === null ? "" : " with its state"}`)
  }
}

/** By its name: the runtime may have another copy of the class. */
export function isDiverged(error: unknown): error is DivergedError {
  return error instanceof Error && error.name === "DivergedError"
}

/** Reads a run to its end. */
export async function collect(run: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of run);
}

/** Whether two LLLites have the same values. */
export function equalValues(one: LlliteModel, other: LlliteModel): boolean {
  return one.values.length === other.values.length && one.values.every((value, i) => value === other.values[i])
}
