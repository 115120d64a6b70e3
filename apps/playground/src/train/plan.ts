import type { TrainNeed } from "@lllite/runtime-web"
import { counted } from "../page/counted.ts"
import type { ReadyModel } from "../page/model.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import type { Split } from "./pairs.ts"
import { DRAWING } from "./samples.ts"
import type { TrainSettings } from "./train-settings.ts"

/** Bytes that WebAssembly can address. */
const WASM_BYTES = 2 ** 32

/** What a run takes. */
export interface RunNeed {
  readonly seconds: number
  /** Seconds of one step alone. */
  readonly stepSeconds: number
  readonly bytes: number
  readonly fits: boolean
}

/** Plans a run on the device of a model. @throws CoreError for what the training refuses */
export async function planNeed({ runtime, sdxl }: ReadyModel, settings: TrainSettings, split: Split): Promise<RunNeed> {
  const { batchSize, condDim, mlpDim } = settings
  const rows = Math.min(batchSize, split.trained.length)
  const need = await runtime.planTrain(sdxl, {
    ...{ rows, width: SIZE, height: SIZE, checkpointing: false },
    lllite: { condDim, mlpDim },
  })
  return runNeed(need, settings, split, runtime.backend === "wasm" ? WASM_BYTES : Number.POSITIVE_INFINITY)
}

/** The need of a run, by that of its parts. @param limit bytes that the device can hold */
export function runNeed(
  { phases, seconds: { pair, step } }: TrainNeed,
  { steps, batchSize, sampleEvery }: Pick<TrainSettings, "steps" | "batchSize" | "sampleEvery">,
  { trained, heldOut }: Pick<Split, "trained" | "heldOut">,
  limit: number,
): RunNeed {
  const rows = Math.min(batchSize, trained.length)
  // A step goes forward once and back, which takes twice as long. A guided picture is two rows that go forward.
  const picture = DRAWING.steps * 2 * (step / rows / 3)
  const samples = sampleEvery === 0 ? 0 : Math.floor((steps - 1) / sampleEvery)
  const bytes = Math.max(...phases.map(({ bytes }) => bytes))
  return {
    ...{ bytes, fits: bytes <= limit, stepSeconds: step },
    seconds: trained.length * pair + steps * step + (2 * heldOut.length + samples) * picture,
  }
}

/** A plan in words: "16 pairs, 120 steps, about 2 minutes, 236 MiB of memory". @param pace see `train-state.ts` */
export function planText(
  need: RunNeed,
  { steps }: Pick<TrainSettings, "steps">,
  { trained, heldOut, isOwn }: Split,
  pace: number,
): string {
  const held = isOwn && !heldOut.some((one) => trained.some(({ image }) => image === one.image))
  const pairs = `${counted(trained.length, "pair")}${held ? ` and ${heldOut.length} held out` : ""}`
  const memory = `${Math.ceil(need.bytes / 2 ** 20).toLocaleString("en")} MiB of memory`
  const sentence = `${pairs}, ${counted(steps, "step")}, about ${duration(pace * need.seconds)}, ${memory}.`
  return need.fits
    ? sentence
    : `${sentence} That does not fit: WebAssembly has 4,096 MiB. Choose fewer pairs in a step, or smaller widths.`
}

/** A time in words that does not say more than is known: "40 seconds", "2 minutes", "3.5 hours". */
export function duration(seconds: number): string {
  if (seconds < 1) return "a second"
  if (seconds < 90) return counted(seconds < 10 ? Math.ceil(seconds) : 5 * Math.ceil(seconds / 5), "second")
  if (seconds < 90 * 60) return counted(Math.round(seconds / 60), "minute")
  return `${(seconds / 3600).toLocaleString("en", { maximumSignificantDigits: 2 })} hours`
}
