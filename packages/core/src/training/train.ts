import type { AdapterDims, Site } from "@lllite/format"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { createLllite } from "../models/lllite/model.ts"
import { createStream } from "../random/stream.ts"
import type { AdamWState } from "./adamw.ts"
import { createAdamWState, stepAdamW } from "./adamw.ts"
import type { Sized } from "./batches.ts"
import { createBatchOrder } from "./batches.ts"
import { clipGradients } from "./clip-gradients.ts"
import type { LossAndGradients } from "./gradients.ts"
import type { LrMovement } from "./lr-schedule.ts"
import { createLrSchedule } from "./lr-schedule.ts"
import { normaliseConditioners } from "./normalise-conditioners.ts"

/** Part of a step's batch, to be turned into a loss and a gradient wherever there is room for it. */
export interface GradientTask {
  readonly step: number
  /** Which row of the whole batch the first example is. */
  readonly firstRow: number
  /** Indices into the data set. */
  readonly examples: readonly number[]
}

/** Computes the parts of one step; results in the tasks' order. */
export type GradientSource = (
  model: LlliteModel,
  tasks: readonly GradientTask[],
) => Promise<readonly LossAndGradients[]>

export interface TrainOptions {
  readonly steps: number
  readonly batchSize: number
  readonly seed: number
  readonly learningRate: number
  /** How the rate moves; it is constant unless given. */
  readonly lr?: LrMovement
  /** AdamW's decay, 0.01 unless given. */
  readonly weightDecay?: number
  /** Longest gradient that is taken as it is, 1 unless given; 0 for no limit. */
  readonly maxGradNorm?: number
  /**
   * Into how many parts a batch is cut. They may run side by side; their sum is taken in order, so a run's result
   * depends on their number and not on who computed them. 1 unless given.
   */
  readonly shards?: number
  readonly signal?: AbortSignal
}

/** All that a run is made of between two steps. Continued from here it takes the same steps, bit for bit. */
export interface TrainState {
  readonly model: LlliteModel
  readonly optimizer: AdamWState
  /** Steps taken. */
  readonly step: number
}

export interface TrainStepEvent {
  /** Steps taken, this one included. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly learningRate: number
  /** Before clipping. */
  readonly gradientNorm: number
  /** The run as it is now: valid until the next step is asked for. */
  readonly state: TrainState
}

export interface TrainStateOptions {
  /** Controls over which the conditioners are normalised (`normaliseConditioners`); as PyTorch draws them unless given. */
  readonly controls?: readonly RgbImage[]
}

/** The state of a new run: `up` at zero, so that it starts as the base model. */
export function createTrainState(
  sites: readonly Site[],
  dims: AdapterDims,
  seed: number,
  { controls = [] }: TrainStateOptions = {},
): TrainState {
  const model = createLllite(sites, dims, createStream(seed, "init"))
  if (controls.length > 0) normaliseConditioners(model, controls)
  return { model, optimizer: createAdamWState(model.values.length), step: 0 }
}

/**
 * Trains an LLLite from `state`, whose model and optimiser change as steps are taken. Yields every step; stopping to
 * ask for more, or aborting the signal, leaves `state` of the last event as a run to continue.
 *
 * @param examples sizes of the data set's examples, by which batches are made
 * @throws CoreError when an option is out of range, or when a loss is not a number any more
 */
export async function* train(
  state: TrainState,
  examples: readonly Sized[],
  gradients: GradientSource,
  options: TrainOptions,
): AsyncGenerator<TrainStepEvent, TrainState, void> {
  const { steps, batchSize, seed, learningRate, shards = 1, maxGradNorm = 1, weightDecay = 0.01, signal } = options
  checkCounts({ steps, shards })
  const rate = createLrSchedule({
    ...(options.lr ?? { curve: "constant" }),
    learningRate,
    totalSteps: steps,
  })
  const batchOf = createBatchOrder(examples, batchSize, createStream(seed, "order"))
  const { model, optimizer } = state
  let { step } = state
  while (step < steps && signal?.aborted !== true) {
    const tasks = cut(step, batchOf(step), shards)
    const parts = await gradients(model, tasks)
    const { loss, gradients: sum } = sumParts(tasks, parts)
    if (!Number.isFinite(loss)) {
      throw new CoreError(
        `training: the loss at step ${step + 1} is ${loss}. Lower the learning rate (now ${rate(step)}) and start from the last checkpoint.`,
      )
    }
    const gradientNorm = clipGradients([sum], maxGradNorm > 0 ? maxGradNorm : Number.MAX_VALUE)
    stepAdamW(model.values, sum, optimizer, { learningRate: rate(step), weightDecay })
    step += 1
    yield { step, steps, loss, learningRate: rate(step - 1), gradientNorm, state: { model, optimizer, step } }
  }
  return { model, optimizer, step }
}

/** A batch in at most `shards` parts of nearly one size. */
function cut(step: number, batch: readonly number[], shards: number): GradientTask[] {
  const size = Math.ceil(batch.length / shards)
  const tasks: GradientTask[] = []
  for (let from = 0; from < batch.length; from += size) {
    tasks.push({ step, firstRow: from, examples: batch.slice(from, from + size) })
  }
  return tasks
}

/** Every part is the mean of its own rows, and counts as much as it has rows. */
function sumParts(tasks: readonly GradientTask[], parts: readonly LossAndGradients[]): LossAndGradients {
  const rows = tasks.reduce((count, task) => count + task.examples.length, 0)
  const gradients = new Float32Array(parts[0]?.gradients.length ?? 0)
  let loss = 0
  for (const [i, part] of parts.entries()) {
    const share = (tasks[i]?.examples.length ?? 0) / rows
    loss += part.loss * share
    for (let j = 0; j < gradients.length; j++) gradients[j] = (gradients[j] ?? 0) + (part.gradients[j] ?? 0) * share
  }
  return { loss, gradients }
}

function checkCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new CoreError(`training: ${name} must be a positive integer, got ${value}`)
    }
  }
}
