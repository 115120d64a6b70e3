import type { MemoryPhase, MemoryPlan, Speed, StopOptions, TrainingTimes } from "@lllite/core/memory"
import { largestEntry, measureShortened, measureSpeed } from "@lllite/core/memory"
import { partsOf, type SdxlFiles } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { planTaskMemory, type TaskPlace } from "./task-memory.ts"

/** Steps of at most so many pixels, over all rows, are measured. They are a few seconds of a large model. */
const MEASURED_PIXELS = 256 ** 2

/** Sides of the two steps that are measured for one of more pixels. */
const [SMALL_SIDE, LARGE_SIDE] = [128, 256]

/** A step is not measured if it takes longer than this by the speed of single ops, in seconds. */
const LONGEST = 60

/** The share of a step's memory that a shortened U-Net takes at most. */
const SHORTENED_SHARE = 0.6

/**
 * The time of a training's parts, measured without the model's weights.
 *
 * A step is measured on a shortened U-Net, see `measureShortened`. A step of many pixels follows from two small ones: it
 * grows with its floating-point operations. The speed of single ops says the rest, and everything where there is no
 * room or time for a shortened U-Net. Single ops are slower than graphs of whole blocks. So the measured step corrects
 * the time of encoding, too.
 *
 * @param plan of the task
 * @throws as `measureShortened`
 */
export async function estimateTraining(
  ops: Ops,
  files: SdxlFiles,
  place: TaskPlace,
  plan: MemoryPlan,
  stop: StopOptions,
): Promise<TrainingTimes> {
  const { unet } = partsOf(files)
  const speed = await measureSpeed(ops, largestEntry(unet.entries)?.dtype, stop)
  const of = (name: MemoryPhase["name"]): number => speed.seconds(workOf(plan, name))
  const byOps = { text: of("text"), picture: of("VAE"), step: of("training step") }
  const { task } = plan
  const planOf = (side: number): Promise<MemoryPlan> =>
    planTaskMemory(files, place, { ...task, width: side, height: side, batchSize: 1 }, stop)
  const pixels = (task.batchSize ?? 1) * task.width * task.height
  const plans = pixels <= MEASURED_PIXELS ? [plan] : [await planOf(SMALL_SIDE), await planOf(LARGE_SIDE)]
  const measured: { readonly flops: number; readonly seconds: number }[] = []
  for (const each of plans) {
    const seconds = isMeasurable(each, speed) ? await measureShortened(ops, unet, each.task, stop) : null
    if (seconds === null) return byOps
    measured.push({ flops: flopsOf(each), seconds })
  }
  const step = onLine(measured, flopsOf(plan))
  const factor = Math.min(1, step / byOps.step)
  return { step, text: factor * byOps.text, picture: factor * byOps.picture }
}

function isMeasurable({ phases }: MemoryPlan, speed: Speed): boolean {
  const step = phases.find(({ name }) => name === "training step")
  return (
    step !== undefined &&
    speed.seconds(step.work) <= LONGEST &&
    SHORTENED_SHARE * step.peakBytes <= process.availableMemory()
  )
}

/** The value of one point, or of the line through two. */
function onLine(points: readonly { readonly flops: number; readonly seconds: number }[], flops: number): number {
  const [first, second] = points
  if (first === undefined) throw new Error("nothing was measured")
  if (second === undefined) return first.seconds
  const slope = Math.max(0, second.seconds - first.seconds) / (second.flops - first.flops)
  return second.seconds + slope * (flops - second.flops)
}

function workOf({ phases }: MemoryPlan, name: MemoryPhase["name"]): MemoryPhase["work"] {
  return phases.find((phase) => phase.name === name)?.work ?? new Map()
}

function flopsOf(plan: MemoryPlan): number {
  return [...workOf(plan, "training step").values()].reduce((sum, { flops }) => sum + flops, 0)
}
