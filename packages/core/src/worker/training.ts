import type { Client } from "../channel/client.ts"
import type { TaskContext } from "../channel/server.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { Seed } from "../random/seed.ts"
import type { TrainRunStep } from "../runtime/contract.ts"
import type { RuntimeTasks, RuntimeTypes, SentTrainOptions } from "../runtime/tasks.ts"
import type { CachedExample } from "../training/dataset.ts"
import type { ExampleMemo } from "../training/example-memo.ts"
import type { LossAndGradients } from "../training/gradients.ts"
import { controlValues, limitSites } from "../training/limit-sites.ts"
import { LLLITE } from "../training/lllite-trainable.ts"
import { objective } from "../training/objective.ts"
import type { LoadOptimizer } from "../training/optimizers/index.ts"
import type { GradientSource, GradientTask } from "../training/train.ts"
import { train } from "../training/train.ts"
import type { TrainState } from "../training/train-state.ts"
import { createTrainState } from "../training/train-state.ts"

/** The model of a run, and the run's cached data set. */
export interface TrainPlace {
  readonly sdxl: Sdxl
  readonly schedule: NoiseSchedule
  readonly examples: ReadonlyMap<number, CachedExample>
  /** Values that are made of the examples once for all steps. */
  readonly memo: ExampleMemo
  /** Where the optimiser computes, if not on this thread. */
  readonly loadOptimizer?: LoadOptimizer | undefined
}

/** Other workers that compute parts of a step. */
export interface TrainHelpers {
  readonly clients: readonly Client<RuntimeTasks<RuntimeTypes>>[]
  readonly model: number
  readonly run: number
}

/** The state at the beginning of a run. */
export function beginRun(
  examples: ReadonlyMap<number, CachedExample>,
  { sites, condDim, mlpDim, initial, init = "default", optimizer, seed }: SentTrainOptions,
): TrainState {
  const controls = init === "normalised" ? inOrder(examples).map(({ control }) => control) : []
  const options = { controls, ...(optimizer === undefined ? {} : { optimizer }) }
  return initial ?? createTrainState(sites, { condDim, mlpDim }, seed, options)
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
  options: SentTrainOptions,
  context: TaskContext,
): AsyncGenerator<TrainRunStep, TrainState, void> {
  // Before this, the VAE or a generation has run.
  place.sdxl.ops.trim?.()
  const { stateEvery = 0, siteLimit } = options
  // An optimiser on a device keeps a copy of the values, which would not be limited.
  const loadOptimizer = siteLimit === undefined ? place.loadOptimizer : undefined
  const gradients = gradientsOf(place, helpers, options, context)
  const machine = {
    gradients,
    parts: LLLITE.parts(state.model),
    ...(loadOptimizer === undefined ? {} : { loadOptimizer }),
    ...(siteLimit === undefined ? {} : { afterUpdate: limiter(place, siteLimit) }),
  }
  const steps = train(state, inOrder(place.examples), machine, { ...options, signal: context.signal })
  for (;;) {
    const next = await steps.next()
    if (next.done === true) return next.value
    const { state, ...step } = next.value
    const isKept = stateEvery > 0 && step.step % stateEvery === 0
    yield { kind: "step", ...step, state: isKept ? await state() : null }
  }
}

/** Limits the sites of an LLLite by the values of the run's controls. */
function limiter({ examples }: TrainPlace, most: number): (lllite: TrainState["model"]) => void {
  const control = controlValues(inOrder(examples).map(({ control }) => control))
  return (lllite) => limitSites(lllite, most, control)
}

/** Computes the parts of a step side by side, each on a free worker. */
function gradientsOf(
  place: TrainPlace,
  { clients, model, run }: TrainHelpers,
  { seed, objective = {} }: SentTrainOptions,
  context: TaskContext,
): GradientSource {
  /** Memory for a helper's gradients, which is kept for the run. */
  const buffers: (Float32Array | undefined)[] = []
  return async (lllite, tasks) => {
    const parts = new Array<LossAndGradients>(tasks.length)
    let taken = 0
    const takeAll = async (compute: (task: GradientTask, index: number) => Promise<LossAndGradients>) => {
      for (let index = taken++; index < tasks.length; index = taken++) {
        parts[index] = await compute(tasks[index] as GradientTask, index)
      }
    }
    const helped = clients.map((client) =>
      takeAll(async (task, index) => {
        const into = buffers[index] ?? new Float32Array(new SharedArrayBuffer(lllite.values.byteLength))
        buffers[index] = into
        const { adapters, values } = lllite
        const argument = { model, run, lllite: { adapters, values }, seed, task, objective, into }
        const { loss } = await client.call("gradient", argument, { signal: context.signal })
        return { loss, gradients: into }
      }),
    )
    const own = takeAll((task) => partOf(place, lllite, seed, task, objective, context))
    await allOrFirstError([...helped, own])
    return parts
  }
}

/** Loss and gradients of one part of a step. */
export function partOf(
  { sdxl, schedule, examples, memo }: TrainPlace,
  lllite: TrainState["model"],
  seed: Seed,
  { step, firstRow, examples: indices }: GradientTask,
  options: NonNullable<SentTrainOptions["objective"]>,
  context: TaskContext,
): Promise<LossAndGradients> {
  const rows = indices.map((index) => examples.get(index) as CachedExample)
  return objective(sdxl, schedule, LLLITE, lllite, { seed, step, firstRow, examples: rows, memo, ...context }, options)
}

/** Waits for all, so that all work has ended when one has failed. */
async function allOrFirstError(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) {
    if (result.status === "rejected") throw result.reason
  }
}

function inOrder(examples: ReadonlyMap<number, CachedExample>): CachedExample[] {
  return [...examples].sort(([a], [b]) => a - b).map(([, example]) => example)
}
