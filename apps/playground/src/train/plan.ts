import type { TrainNeed } from "@lllite/runtime-web"
import { type Sentence, sentence } from "../language/sentence.ts"
import type { ReadyModel } from "../page/model.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import type { Split } from "./pairs.ts"
import { DRAWING } from "./samples.ts"
import { type TrainSettings, trainSites } from "./train-settings.ts"

/** Bytes that WebAssembly can address. */
const WASM_BYTES = 2 ** 32

/** What a run takes. */
export interface RunNeed {
  readonly seconds: number
  readonly bytes: number
  readonly fits: boolean
}

/** Plans a run on the device of a model. @throws CoreError for what the training refuses */
export async function planNeed({ runtime, sdxl }: ReadyModel, settings: TrainSettings, split: Split): Promise<RunNeed> {
  const { batchSize, condDim, mlpDim } = settings
  const rows = Math.min(batchSize, split.trained.length)
  const need = await runtime.planTrain(sdxl, {
    ...{ rows, width: SIZE, height: SIZE, checkpointing: false },
    ...{ lllite: { condDim, mlpDim }, sites: trainSites(settings, sdxl.layout) },
  })
  return runNeed(need, settings, split, runtime.backend === "wasm" ? WASM_BYTES : Number.POSITIVE_INFINITY)
}

/** The need of a run, by that of its parts. @param limit bytes that the device can hold */
export function runNeed(
  { phases, seconds: { pair, step } }: TrainNeed,
  {
    steps,
    batchSize,
    sampleEvery,
    strengths,
  }: Pick<TrainSettings, "steps" | "batchSize" | "sampleEvery" | "strengths">,
  { trained, heldOut }: Pick<Split, "trained" | "heldOut">,
  limit: number,
): RunNeed {
  const rows = Math.min(batchSize, trained.length)
  // A step goes forward once and back, which takes twice as long. A guided picture is two rows that go forward.
  const picture = DRAWING.steps * 2 * (step / rows / 3)
  // A range of strengths goes forward once more, without the LLLite.
  const stepSeconds = strengths === "range" ? (4 / 3) * step : step
  const samples = sampleEvery === 0 ? 0 : Math.floor((steps - 1) / sampleEvery)
  const bytes = Math.max(...phases.map(({ bytes }) => bytes))
  return {
    ...{ bytes, fits: bytes <= limit },
    seconds: trained.length * pair + steps * stepSeconds + (2 * heldOut.length + samples) * picture,
  }
}

/** A plan in words: "16 pairs, 120 steps, about 2 minutes, 236 MiB of memory". @param pace see `train-state.ts` */
export function planText(
  { bytes, fits, seconds }: RunNeed,
  { steps }: Pick<TrainSettings, "steps">,
  { trained, heldOut, isOwn }: Split,
  pace: number,
): Sentence {
  const isHeld = isOwn && !heldOut.some((one) => trained.some(({ image }) => image === one.image))
  return sentence("train", "plan", {
    ...{ pairs: trained.length, heldOut: isHeld ? heldOut.length : 0, steps, fits },
    ...{ seconds: pace * seconds, mebibytes: Math.ceil(bytes / 2 ** 20) },
  })
}
