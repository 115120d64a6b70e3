import type { Client } from "../channel/client.ts"
import type { TaskContext } from "../channel/server.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { CoreError } from "../errors.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { Seed } from "../random/seed.ts"
import { type ComputePart, createPartPool, type PoolHelp } from "../runtime/part-pool.ts"
import type {
  HelpTasks,
  RuntimeTasks,
  RuntimeTypes,
  SentEncodeOptions,
  SentTrainOptions,
  SentTrainStep,
} from "../runtime/tasks.ts"
import type { Sized } from "../training/batches.ts"
import type { CachedExample } from "../training/dataset.ts"
import type { ExampleMemo } from "../training/example-memo.ts"
import type { ExampleRow, RowEncoder } from "../training/example-row.ts"
import { completeExample } from "../training/example-row.ts"
import type { LossAndGradients } from "../training/gradients.ts"
import { limitingValues, limitSites } from "../training/limit-sites.ts"
import { LLLITE } from "../training/lllite-trainable.ts"
import type { FirstControl } from "../training/normalise-conditioners.ts"
import { type BatchRows, objective } from "../training/objective.ts"
import type { LoadOptimizer } from "../training/optimizers/index.ts"
import type { GradientSource, GradientTask, TrainMachine } from "../training/train.ts"
import { train } from "../training/train.ts"
import type { TrainState } from "../training/train-state.ts"
import { createTrainState } from "../training/train-state.ts"

/** What a worker keeps for a run. */
export interface RunRows {
  readonly encode: RowEncoder
  /** Values that are made of the examples once for all steps. */
  readonly memo: ExampleMemo
  /** The rows of the next step, by the number of their batch in the run. */
  rows: ReadonlyMap<number, readonly ExampleRow[]>
}

/** The model of a run, and the run's rows. */
export interface TrainPlace {
  readonly sdxl: Sdxl
  readonly schedule: NoiseSchedule
  readonly kept: RunRows
  /** Where the optimiser computes, if not on this thread. */
  readonly loadOptimizer?: LoadOptimizer | undefined
}

/** Other workers that compute parts of a step. */
export interface TrainHelpers {
  readonly clients: readonly Client<RuntimeTasks<RuntimeTypes>>[]
  /** What computes outside of this runtime. Null: nothing. */
  readonly outside: Client<HelpTasks> | null
  readonly model: number
  readonly run: number
  readonly encoding: SentEncodeOptions
}

/** What the steps of a run are made of. */
export interface RunExamples {
  /** The size of every example. */
  readonly sizes: readonly Sized[]
  /** The first controls: all that the start and the limit of sites read. */
  readonly controls: readonly FirstControl[]
}

/**
 * The state at the beginning of a run.
 *
 * @param controls the first controls of the data set, for `init`
 */
export function beginRun(
  controls: readonly FirstControl[],
  { sites, initial, init = "default", optimizer, seed, ...dims }: SentTrainOptions,
): TrainState {
  const options = {
    controls: init === "normalised" ? controls : [],
    ...(optimizer === undefined ? {} : { optimizer }),
  }
  return initial ?? createTrainState(sites, dims, seed, options)
}

/**
 * Trains an LLLite from `state`, and changes its arrays. Leaving the loop also ends the work of other workers.
 *
 * @throws CoreError that names the wrong option, or for a loss that is not finite
 */
export async function* trainRun(
  place: TrainPlace,
  state: TrainState,
  helpers: TrainHelpers,
  { sizes, controls }: RunExamples,
  options: SentTrainOptions,
  context: TaskContext,
): AsyncGenerator<SentTrainStep, TrainState, void> {
  // Before this, the VAE or a generation has run.
  place.sdxl.ops.trim?.()
  const { stateEvery = [], siteLimit, partRates } = options
  const intervals = typeof stateEvery === "number" ? [stateEvery] : stateEvery
  // An optimiser on a device keeps a copy of the values, which would not be limited or scaled.
  const loadOptimizer = siteLimit === undefined && partRates === undefined ? place.loadOptimizer : undefined
  const repeats = createRepeats()
  const machine = {
    ...gradientsOf(place, helpers, state.feedback, options, context, repeats.note),
    parts: LLLITE.parts(state.model),
    ...(loadOptimizer === undefined ? {} : { loadOptimizer }),
    ...(siteLimit === undefined ? {} : { afterUpdate: limiter(controls, siteLimit) }),
  }
  const steps = train(state, sizes, machine, { ...options, signal: context.signal })
  for (;;) {
    const next = await steps.next()
    if (next.done === true) return next.value
    const { state, ...step } = next.value
    const isKept = intervals.some((every) => every > 0 && step.step % every === 0)
    const notice = repeats.noticeAt(step.step)
    yield { kind: "step", ...step, state: isKept ? await state() : null, ...(notice === null ? {} : { notice }) }
  }
}

/** Tells once of a run that gradients were computed again. */
function createRepeats(): {
  readonly note: (results: readonly LossAndGradients[]) => void
  readonly noticeAt: (step: number) => string | null
} {
  let [isNew, isSaid] = [false, false]
  return {
    note(results) {
      isNew ||= results.some(({ repeats = 0 }) => repeats > 0)
    },
    noticeAt(step) {
      if (!isNew || isSaid) return null
      isSaid = true
      return (
        `training: slopes of step ${step} were above float16's range. So it was computed again with a smaller factor on the ` +
        "loss, which takes the time of a step and loses nothing. This is said once. With precision F32 it does not occur."
      )
    },
  }
}

/** Limits the sites of an LLLite by the values of the run's controls. */
function limiter(controls: readonly FirstControl[], most: number): (lllite: TrainState["model"]) => void {
  const control = limitingValues(controls)
  return (lllite) => limitSites(lllite, most, control)
}

/** Computes the parts of a step side by side, each on a free worker, or outside of the runtime. */
function gradientsOf(
  place: TrainPlace,
  { clients, outside, model, run, encoding }: TrainHelpers,
  start: TrainState["feedback"],
  { seed, objective = {}, partPrecision = "float32" }: SentTrainOptions,
  context: TaskContext,
  note: (results: readonly LossAndGradients[]) => void,
): Required<Pick<TrainMachine, "gradients" | "places" | "feedback">> {
  const { signal } = context
  const rounds = partPrecision === "float16"
  const pool = createPartPool(rounds ? start : undefined)
  const help: PoolHelp | null = outside && {
    free: () => outside.call("free", null),
    gradient: (part) => outside.call("gradient", part, { signal }),
    sum: (group) => outside.call("sum", group, { signal }),
    takeFeedback: (before) => outside.call("takeFeedback", before),
  }
  /** Memory for a helper's gradients, which is kept for the run. */
  const buffers: (Float32Array | undefined)[] = []
  const gradients: GradientSource = async (lllite, tasks) => {
    const { adapters, values } = lllite
    const { vaeSlices: _, ...said } = encoding
    const parts = tasks.map((task) => ({
      ...{ lllite: { adapters, values }, task, rows: rowsOf(place, task), objective, encoding: said },
      ...(rounds ? { feedback: "kept" as const } : {}),
    }))
    const helped = clients.map(
      (client): ComputePart =>
        async ({ task, rows }, index) => {
          const into = buffers[index] ?? new Float32Array(new SharedArrayBuffer(values.byteLength))
          buffers[index] = into
          const sent = { lllite: { adapters, values }, task, rows, objective, into, progress: null }
          return client.call("gradient", { model, run, encoding, ...sent }, { signal })
        },
    )
    const ownPart: ComputePart = ({ task, rows }) => partOf(place, lllite, seed, task, rows, objective, context)
    const results = await pool.compute(parts, [...helped, ownPart], help)
    note(results)
    return results
  }
  return {
    gradients,
    feedback: async (batch) => (rounds ? pool.takeFeedback(help, batch) : new Map()),
    async places() {
      const { places = 0 } = (await help?.free()) ?? {}
      return places === 0 ? 1 : places + clients.length + 1
    },
  }
}

/** The rows of a part of a step. */
function rowsOf({ kept: { rows } }: TrainPlace, { step, firstRow, examples }: GradientTask): readonly ExampleRow[] {
  const batch = rows.get(step)
  if (batch === undefined) throw new CoreError("batch-empty", `training: the examples of batch ${step} are missing`)
  return batch.slice(firstRow, firstRow + examples.length)
}

/** Loss and gradients of one part of a step. What is not encoded yet is encoded first. */
export async function partOf(
  { sdxl, schedule, kept: { encode, memo } }: TrainPlace,
  lllite: TrainState["model"],
  seed: Seed,
  { step, firstRow }: GradientTask,
  rows: readonly ExampleRow[],
  options: NonNullable<SentTrainOptions["objective"]>,
  context: TaskContext & Pick<BatchRows, "onFinal">,
): Promise<LossAndGradients> {
  const examples: CachedExample[] = []
  for (const row of rows) examples.push(completeExample(await encode(row, context)))
  return objective(sdxl, schedule, LLLITE, lllite, { seed, step, firstRow, examples, memo, ...context }, options)
}
