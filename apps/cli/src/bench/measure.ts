import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import type { AdapterHandle, SdxlHandle } from "@lllite/core/runtime"
import type { TrainExample } from "@lllite/core/training"
import { LlliteError } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { NodeRuntime } from "@lllite/runtime-node"
import { createNodeRuntime, MADE_UP, openSdxl, planTaskMemory, TINY } from "@lllite/runtime-node"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import type { BackendFigures, MemoryFigures, ModelFigures, PictureFigures, TrainingFigures } from "./figures.ts"
import { watchMemory } from "./memory-watch.ts"

/** What is measured on one backend. */
export interface BenchTask {
  readonly choice: RuntimeChoice & Required<Pick<RuntimeChoice, "backend">>
  /** Sides of SDXL's pictures in pixels. Empty: the tiny model alone. */
  readonly sizes: readonly number[]
  readonly seconds: number
  /** What is measured now. */
  readonly onTask: (text: string) => void
}

const TINY_SIDE = 128

/** Steps of a measurement. The first one also prepares memory and programs, and is not counted. */
const STEPS = 3

/** Widths of an LLLite, as sd-scripts' users choose them. */
const WIDTHS = { condDim: 32, mlpDim: 64 } as const

/**
 * Measures a backend in this process. What it cannot do, and what time does not reach, stands in the figures.
 *
 * @throws the signal's reason when aborted
 */
export async function measureBackend(task: BenchTask, signal: AbortSignal): Promise<BackendFigures> {
  const { choice, sizes, seconds } = task
  const { backend, precision = "F32", weights = "file" } = choice
  const deadline = AbortSignal.timeout(Math.round(1000 * seconds))
  const ended = AbortSignal.any([signal, deadline])
  // These backends widen every weight.
  const isWide = backend === "wasm" || backend === "cpu"
  const figures = { backend, precision, weights: isWide ? "F32" : weights === "file" ? "as in the file" : weights }
  let runtime: NodeRuntime | null = null
  try {
    runtime = await createNodeRuntime({ ...choice, signal: ended })
    const { version, device } = runtime
    const isSoftware = backend === "webgpu" && device === "CPU"
    const models = [...(await measureModel(runtime, TINY, [TINY_SIDE], task, ended))]
    if (!isSoftware && sizes.length > 0) models.push(...(await measureModel(runtime, MADE_UP, sizes, task, ended)))
    const problem = isSoftware ? "The adapter computes in software, so SDXL is not measured." : null
    return { ...figures, version, device, models, problem }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof LlliteError) && !deadline.aborted) throw error
    const problem = deadline.aborted ? OUT_OF_TIME : (error as Error).message
    return { ...figures, version: runtime?.version ?? null, device: runtime?.device ?? null, models: [], problem }
  } finally {
    await runtime?.dispose()
    signal.throwIfAborted()
  }
}

const OUT_OF_TIME = "There was no time left. --minutes gives more."

async function measureModel(
  runtime: NodeRuntime,
  checkpoint: typeof TINY | typeof MADE_UP,
  sizes: readonly number[],
  { choice, onTask }: BenchTask,
  ended: AbortSignal,
): Promise<readonly ModelFigures[]> {
  const model = checkpoint === TINY ? "tiny" : "SDXL"
  const place = {
    ...runtime,
    backend: choice.backend,
    weights: choice.weights ?? "file",
    precision: choice.precision ?? "F32",
  } as const
  const planned = async (kind: "generate" | "train", side: number): Promise<number> => {
    const { files, close } = await openSdxl({ checkpoint })
    try {
      const { peakBytes } = await planTaskMemory(files, place, { kind, width: side, height: side, lllite: WIDTHS })
      return runtime.threads * peakBytes
    } finally {
      await close()
    }
  }
  const nothing = (side: number, problem: string): ModelFigures => ({
    ...{ model, side, picture: null, training: null },
    problems: [problem],
  })
  let loaded: { readonly sdxl: SdxlHandle; readonly adapter: AdapterHandle } | null = null
  const watch = watchMemory(runtime)
  try {
    onTask(`${model}: load`)
    const sdxl = await runtime.loadSdxl(checkpoint, { signal: ended })
    const lllite = createLllite(enumerateSites(sdxl.layout), WIDTHS, createStream(1, "bench"))
    loaded = { sdxl, adapter: await runtime.loadAdapter(lllite, sdxl) }
    const models: ModelFigures[] = []
    for (const side of sizes) {
      const problems: string[] = []
      /** Measures a task of this size. Null with a problem, if it cannot. */
      const measured = async <T>(
        kind: "generate" | "train",
        what: string,
        measure: () => Promise<T | null>,
      ): Promise<(T & MemoryFigures) | null> => {
        onTask(`${model}, ${side} px: ${what}`)
        if (!ended.aborted) {
          const plannedBytes = await planned(kind, side)
          watch.restart()
          const found = await measure().catch((error: unknown) => {
            if (!ended.aborted && !(error instanceof LlliteError)) throw error
            if (!ended.aborted) problems.push(`No ${what}: ${(error as Error).message}`)
            return null
          })
          if (found !== null) return { ...found, plannedBytes, measuredBytes: await watch.peak() }
        }
        if (ended.aborted) problems.push(`No ${what}: ${OUT_OF_TIME}`)
        return null
      }
      const { adapter } = loaded
      const picture = await measured("generate", "picture", () => timePicture(runtime, sdxl, adapter, side, ended))
      const training = await measured("train", "training", () => timeTraining(sdxl, side, ended))
      models.push({ model, side, picture, training, problems })
    }
    return models
  } catch (error) {
    if (!ended.aborted && !(error instanceof LlliteError)) throw error
    return sizes.map((side) => nothing(side, ended.aborted ? OUT_OF_TIME : (error as Error).message))
  } finally {
    watch.stop()
    await loaded?.adapter.dispose()
    await loaded?.sdxl.dispose()
  }
}

type Timed<Figures extends MemoryFigures> = Omit<Figures, keyof MemoryFigures>

async function timePicture(
  { device }: NodeRuntime,
  sdxl: SdxlHandle,
  adapter: AdapterHandle,
  side: number,
  signal: AbortSignal,
): Promise<Timed<PictureFigures> | null> {
  const control = madeUpPicture(side)
  const draw = async (steps: number): Promise<{ readonly steps: readonly number[]; readonly end: number }> => {
    const since = performance.now()
    const seconds = (): number => (performance.now() - since) / 1000
    const ends: number[] = []
    const run = sdxl.generate([{ prompt: "a red star", seed: 1 }], {
      ...{ width: side, height: side, steps, signal },
      adapters: [{ adapter, control }],
    })
    try {
      for await (const event of run) if (event.kind === "step") ends.push(seconds())
    } catch (error) {
      // A whole step was timed, so the picture's end is all that is missing.
      if (!signal.aborted || ends.length < 2) throw error
      return { steps: ends, end: Number.NaN }
    }
    return { steps: ends, end: seconds() }
  }
  if (device === "CPU") {
    const { steps, end } = await draw(STEPS)
    const step = meanInterval(steps)
    if (step === null) return null
    return { step, rest: Number.isNaN(end) ? null : Math.max(0, end - steps.length * step) }
  }
  // The host runs ahead of a card. Only whole pictures tell how long it takes.
  await draw(1)
  const short = await draw(1)
  const long = await draw(1 + STEPS)
  const step = (long.end - short.end) / STEPS
  return { step, rest: Math.max(0, short.end - step) }
}

async function timeTraining(
  sdxl: SdxlHandle,
  side: number,
  signal: AbortSignal,
): Promise<Timed<TrainingFigures> | null> {
  const image = madeUpPicture(side)
  const square = [side, side] as const
  const example: TrainExample = {
    ...{ name: "made up", image, control: image, caption: "a red star" },
    size: { original: square, crop: [0, 0], target: square },
  }
  const run = sdxl.train(
    { count: 1, example: async () => example, sizes: [{ width: side, height: side }] },
    {
      ...{ steps: STEPS, batchSize: 1, seed: 1, learningRate: 1e-4, signal, ...WIDTHS },
      ...{ sites: enumerateSites(sdxl.layout), objective: { gradientCheckpointing: true } },
    },
  )
  const ends: number[] = []
  try {
    for await (const event of run) if (event.kind === "step") ends.push(performance.now() / 1000)
  } catch (error) {
    if (!signal.aborted || ends.length < 2) throw error
  }
  const step = meanInterval(ends)
  return step === null ? null : { step }
}

/** The mean time between the ends of steps. Null for fewer than two. */
function meanInterval(ends: readonly number[]): number | null {
  const [first, last] = [ends[0], ends.at(-1)]
  return first === undefined || last === undefined || ends.length < 2 ? null : (last - first) / (ends.length - 1)
}

function madeUpPicture(side: number): TrainExample["image"] {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => (7 * i) % 256)
  return { width: side, height: side, data }
}
