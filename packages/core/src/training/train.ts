import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { createStream } from "../random/stream.ts"
import { memoryError } from "../runtime/memory-error.ts"
import type { Sized } from "./batches.ts"
import { batchesOfStep, batchesPerEpoch, createBatchOrder } from "./batches.ts"
import { clipGradients } from "./clip-gradients.ts"
import { DivergedError } from "./diverged-error.ts"
import { startEma } from "./ema.ts"
import type { LossAndGradients } from "./gradients.ts"
import { createLrPoints } from "./learning-rate/schedule.ts"
import type { LoadOptimizer } from "./optimizers/index.ts"
import { DEFAULT_OPTIMIZER, loadOptimizer, withMomentum } from "./optimizers/index.ts"
import { createPartScaler } from "./part-rates.ts"
import { type PartResult, partsOf, sumParts } from "./sum-parts.ts"
import type { TrainOptions } from "./train-options.ts"
import { checkTrainOptions, lrOf } from "./train-options.ts"
import { checkState, type TrainState } from "./train-state.ts"
import type { TrainableModel } from "./trainable.ts"
import type { ValuePart } from "./value-part.ts"

/** A part of a step's batch, for one call of the gradient source. */
export interface GradientTask {
  /** The number of the batch in the run, from 0: the step, if a step has one batch. It chooses the random numbers. */
  readonly step: number
  /** The row of the first example in the whole batch. */
  readonly firstRow: number
  /** Indices into the data set. */
  readonly examples: readonly number[]
  /** The number of the part among all of its step. Rounding keeps what it leaves out by this number. */
  readonly lane: number
}

/**
 * Computes the parts of one step. Results have the tasks' order. In place of the parts of a group of `groupsOfParts`, there
 * may be their sum.
 */
export type GradientSource<M extends TrainableModel = LlliteModel> = (
  model: M,
  tasks: readonly GradientTask[],
) => Promise<readonly PartResult[]>

/** The functions that compute for a run. */
export interface TrainMachine<M extends TrainableModel = LlliteModel> {
  readonly gradients: GradientSource<M>
  /** The number of parts to compute at a time, if a step has several batches. Default: those of one batch */
  readonly places?: () => Promise<number>
  /** The tensors of the model's values, which some optimisers read: `parts` of a `Trainable`. Default: one list. */
  readonly parts?: readonly ValuePart[]
  /** Creates the optimiser. Default: `loadOptimizer`, on the calling thread. */
  readonly loadOptimizer?: LoadOptimizer
  /**
   * What rounding has left out of the parts, by their lanes, as of before a batch of the run. Default: nothing is rounded.
   */
  readonly feedback?: (batch: number) => Promise<ReadonlyMap<number, Float32Array>>
  /** Changes the values after each update, for example to limit them. Default: no change. */
  readonly afterUpdate?: (model: M) => void
}

const MACHINE_KINDS: OptionKinds<TrainMachine> = {
  gradients: "a function",
  places: "a function",
  parts: "a list",
  loadOptimizer: "a function",
  feedback: "a function",
  afterUpdate: "a function",
}

export interface TrainStepEvent<M extends TrainableModel = LlliteModel> {
  /** The number of finished steps, this one included. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly learningRate: number
  /** The gradient's norm before clipping. */
  readonly gradientNorm: number
  /** The factor on the learning rate that the optimiser has found. Absent for an optimiser that finds none. */
  readonly rateFactor?: number
  /** The run as it is now, to save or to continue. Call it and use the result before you request the next step. */
  state(): Promise<TrainState<M>>
}

/**
 * Trains a model from `state`, and changes the arrays of `state` at every step. Yields every step. Leaving the loop
 * ends the run. An aborted signal also ends it, inside the running step or after it. The result is then the state of
 * the last complete step.
 *
 * @param examples sizes of the data set's examples, which determine the batches
 * @throws CoreError when an option is out of range; DivergedError, with the run before the failed step, when a loss, a
 * gradient or a weight is not finite, or when a step after the first cannot be computed
 */
export async function* train<M extends TrainableModel = LlliteModel>(
  state: TrainState<M>,
  examples: readonly Sized[],
  machine: TrainMachine<M>,
  options: TrainOptions,
): AsyncGenerator<TrainStepEvent<M>, TrainState<M>, void> {
  checkTrainOptions(options)
  checkState("training", state)
  checkOptions<TrainMachine>("training: the machine", machine as unknown, MACHINE_KINDS, ["gradients"])
  const { gradients, places, parts, loadOptimizer: load = loadOptimizer, feedback, afterUpdate } = machine
  const { steps, batchSize, accumulation = 1, seed, shards = 1, maxGradNorm = 1, signal } = options
  const pointAt = createLrPoints(lrOf(options))
  const scaleParts = createPartScaler(options.partRates, parts)
  const perEpoch = batchesPerEpoch(examples, batchSize)
  const batchOf = createBatchOrder(examples, batchSize, createStream(seed, "order"), options.reading)
  const { model } = state
  const first = state.step
  let step = first
  const ema = options.ema === undefined ? null : startEma(options.ema, model.values, state.ema)
  const choice = withMomentum(options.optimizer ?? DEFAULT_OPTIMIZER, pointAt(step).momentum)
  const optimizer = await load(model.values, state.optimizer, choice, parts)
  const stateNow = async (): Promise<TrainState<M>> => {
    const average = await optimizer.average?.()
    const [next = 0] = batchesOfStep(step, perEpoch, accumulation)
    const leftOut = await feedback?.(next)
    return {
      ...{ model, optimizer: await optimizer.save(), step },
      ...(average === undefined ? {} : { average }),
      ...(ema === null ? {} : { ema: ema.values }),
      ...(leftOut === undefined || leftOut.size === 0 ? {} : { feedback: leftOut }),
    }
  }
  const describe = (what: string): string => divergedText(what, step, pointAt(step).rate)
  /** The loss and the gradient of a step: the mean of its batches. Null when it was aborted. */
  const meanOfBatches = async (): Promise<LossAndGradients | null> => {
    let mean: LossAndGradients | null = null
    const batches = batchesOfStep(step, perEpoch, accumulation)
    const cuts = batches.map((index, i) => cut(index, batchOf(index), shards, i * shards))
    const most = batches.length === 1 ? 1 : ((await places?.()) ?? 1)
    for (const group of groupsOf(cuts, most)) {
      if (mean !== null && signal?.aborted === true) return null
      const computed = await unlessAborted(gradients(model, group.flat()), signal)
      if (computed === null) return null
      checkArgument("training: what the gradients give", computed, "a list")
      const results = [...computed]
      for (const tasks of group) {
        const ofBatch = takeParts(results, tasks.length)
        const rows = tasks.map(({ examples }) => examples.length)
        mean = plusShare(mean, sumParts(rows, ofBatch), 1 / batches.length)
      }
    }
    return mean
  }
  /** The values before an update. */
  const before = model.values.slice()
  try {
    if (!areFinite(model.values)) {
      throw new DivergedError(
        "weights-not-finite",
        "training: weights at the start are not finite. Start from another file, or anew.",
        state,
      )
    }
    while (step < steps && signal?.aborted !== true) {
      const found = await meanOfBatches().catch((error: unknown) => withState(error, step - first, stateNow))
      if (found === null) break
      const { loss, gradients: sum } = found
      const gradientNorm = clipGradients([sum], maxGradNorm > 0 ? maxGradNorm : Number.MAX_VALUE)
      for (const [name, value] of Object.entries({ loss, "length of the gradient": gradientNorm })) {
        if (Number.isFinite(value)) continue
        throw new DivergedError("loss-not-finite", describe(`the ${name} is ${value}`), await stateNow())
      }
      before.set(model.values)
      const { rate, momentum } = pointAt(step)
      await optimizer.step(sum, rate, momentum)
      scaleParts(model.values, before)
      if (!areFinite(model.values)) {
        model.values.set(before)
        throw new DivergedError("weights-not-finite", describe("a weight is not finite"), await stateNow())
      }
      afterUpdate?.(model)
      step += 1
      ema?.update(model.values, step)
      const factor = optimizer.rateFactor?.()
      yield {
        ...{ step, steps, loss, learningRate: rate, gradientNorm, state: stateNow },
        ...(factor === undefined ? {} : { rateFactor: factor }),
      }
    }
    return await stateNow()
  } finally {
    optimizer.dispose()
  }
}

/** The result of the work, or null when it failed because of the abort. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (signal?.aborted === true) return null
    throw error
  }
}

/**
 * Fails with the run before a step that could not be computed, for example because memory was full. The gradients come
 * before the update, so that run is whole.
 *
 * @param made the steps that this call has made. Without any, the error is thrown as it is
 */
async function withState<M extends TrainableModel>(
  error: unknown,
  made: number,
  stateNow: () => Promise<TrainState<M>>,
): Promise<never> {
  if (made === 0 || !(error instanceof Error)) throw error
  const state = await stateNow().catch(() => null)
  if (state === null) throw error
  const { message } = memoryError(error) ?? error
  const text = `training: step ${state.step + 1} could not be computed: ${message}`
  throw new DivergedError("step-failed", text, state, { cause: error })
}

/** @param step the finished steps */
function divergedText(what: string, step: number, rate: number): string {
  const kept = step === 0 ? "No step was made before." : `The run after step ${step} is kept.`
  return `training: ${what} at step ${step + 1}. Lower the learning rate (now ${rate}). ${kept}`
}

function areFinite(values: Float32Array): boolean {
  // One sum tells it, and is faster than a question for each value: NaN and Infinity times 0 are NaN.
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0
  return sum === 0
}

/**
 * A batch in at most `shards` parts of nearly one size.
 *
 * @param lane of the first part
 */
function cut(step: number, batch: readonly number[], shards: number, lane: number): GradientTask[] {
  const size = Math.ceil(batch.length / shards)
  const tasks: GradientTask[] = []
  for (let from = 0; from < batch.length; from += size) {
    tasks.push({ step, firstRow: from, examples: batch.slice(from, from + size), lane: lane + tasks.length })
  }
  return tasks
}

/** Takes the results of the next parts out of a list. */
function takeParts(results: PartResult[], count: number): readonly PartResult[] {
  const taken: PartResult[] = []
  for (let parts = 0; parts < count; ) {
    const next = results.shift()
    if (next === undefined) throw new Error(`training: ${parts} of ${count} parts were computed`)
    taken.push(next)
    parts += partsOf(next)
  }
  return taken
}

/** Batches that are computed together: at least one, and no more than `most` parts of several. */
function groupsOf<Part>(
  batches: readonly (readonly Part[])[],
  most: number,
): readonly (readonly (readonly Part[])[])[] {
  const groups: (readonly Part[])[][] = []
  let size = 0
  for (const parts of batches) {
    const last = groups.at(-1)
    if (last === undefined || size + parts.length > most) {
      groups.push([parts])
      size = parts.length
    } else {
      last.push(parts)
      size += parts.length
    }
  }
  return groups
}

/** Adds a share of one batch's loss and gradient to those of the batches before, whose list it changes. */
function plusShare(
  before: LossAndGradients | null,
  { loss, gradients }: LossAndGradients,
  share: number,
): LossAndGradients {
  if (share === 1) return { loss, gradients }
  const sum = before?.gradients ?? new Float32Array(gradients.length)
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (gradients[i] as number) * share
  return { loss: (before?.loss ?? 0) + loss * share, gradients: sum }
}
