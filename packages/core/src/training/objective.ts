import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { Prediction } from "../diffusion/names.ts"
import { addNoise, velocity } from "../diffusion/noising.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { alphaAt, createNoiseSchedule, sigmaAt, snrAt } from "../diffusion/schedule.ts"
import { CoreError } from "../errors.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { letStop } from "../models/steps.ts"
import { type UnetInput, unet } from "../models/unet/unet.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { Seed } from "../random/seed.ts"
import { type BatchDraws, streamDraws } from "./batch-draws.ts"
import { concatenate } from "./concatenate.ts"
import type { CachedExample } from "./dataset.ts"
import type { ExampleMemo } from "./example-memo.ts"
import { NO_MEMO } from "./example-memo.ts"
import type { GradientOptions, LossAndGradients } from "./gradients.ts"
import { lossAndGradients } from "./gradients.ts"
import { elementwiseLoss, huberDelta, lossWeight, weightedMean } from "./loss.ts"
import type { LossType } from "./names.ts"
import { drawNoise } from "./noise.ts"
import type { ObjectiveOptions } from "./objective-options.ts"
import { checkObjective } from "./objective-options.ts"
import { drawStrengths, type RowStrength } from "./strength-range.ts"
import {
  checkTrainable,
  checkTrainableModel,
  type PlacedTrainable,
  type Trainable,
  type TrainableModel,
} from "./trainable.ts"

/**
 * Rows of one step's batch. All draws depend on the seed, the step and the row alone. So any worker can compute any
 * part of a batch.
 */
export interface BatchRows {
  /** The run's seed. */
  readonly seed: Seed
  readonly step: number
  /** The row of the first example in the whole batch. */
  readonly firstRow: number
  readonly examples: readonly CachedExample[]
  /** The random numbers. Default: those of the run's streams. */
  readonly draws?: BatchDraws
  /** Keeps values of examples from step to step. Default: `NO_MEMO`. */
  readonly memo?: ExampleMemo
  readonly signal?: AbortSignal
  /** Awaited before each check of the signal. */
  readonly pause?: () => Promise<void>
  /** See `GradientOptions`. */
  readonly onFinal?: GradientOptions["onFinal"]
  readonly readAtOnce?: number
}

/**
 * The mean loss over some rows of a batch, and its gradient with respect to every value of a model.
 *
 * Source: sd-scripts `sdxl_train_control_net_lllite.py`, the inner loop.
 *
 * @throws CoreError for a wrong option, or when the model does not fit the examples; the signal's reason when aborted
 */
export async function objective<M extends TrainableModel>(
  sdxl: Pick<Sdxl, "ops" | "unet" | "prediction" | "blocks">,
  ofCheckpoint: NoiseSchedule,
  trainable: Trainable<M>,
  model: M,
  rowsOfBatch: BatchRows,
  options: ObjectiveOptions = {},
): Promise<LossAndGradients> {
  checkBatch(sdxl, ofCheckpoint, trainable, model, rowsOfBatch)
  const batch = placeBatch(sdxl, ofCheckpoint, trainable, model, rowsOfBatch, options)
  const { signal, pause, onFinal, readAtOnce } = rowsOfBatch
  try {
    return await lossAndGradients(sdxl.ops, sdxl.unet, batch.placed, batch.input, batch.loss, {
      checkpointing: options.gradientCheckpointing ?? false,
      ...(sdxl.blocks === undefined ? {} : { blocks: sdxl.blocks }),
      ...(signal === undefined ? {} : { signal }),
      ...(pause === undefined ? {} : { pause }),
      ...(readAtOnce === undefined ? {} : { readAtOnce }),
      onFinal,
    })
  } finally {
    batch.dispose()
  }
}

/**
 * The mean loss over some rows of a batch, without gradients.
 *
 * @throws as {@link objective}
 */
export async function objectiveLoss<M extends TrainableModel>(
  sdxl: Pick<Sdxl, "ops" | "unet" | "prediction" | "blocks">,
  ofCheckpoint: NoiseSchedule,
  trainable: Trainable<M>,
  model: M,
  rowsOfBatch: BatchRows,
  options: ObjectiveOptions = {},
): Promise<number> {
  checkBatch(sdxl, ofCheckpoint, trainable, model, rowsOfBatch)
  await letStop(rowsOfBatch)
  const { input, placed, loss, dispose } = placeBatch(sdxl, ofCheckpoint, trainable, model, rowsOfBatch, options)
  const { blocks } = sdxl
  const result = tf.tidy(() =>
    loss(unet(sdxl.ops, sdxl.unet, input, { tap: placed.tap, ...(blocks === undefined ? {} : { blocks }) })),
  )
  try {
    return (await result.data<"float32">())[0] as number
  } finally {
    result.dispose()
    dispose()
  }
}

/** @throws CoreError for an argument of another kind, and for a batch without an example */
function checkBatch(sdxl: unknown, schedule: unknown, trainable: unknown, model: unknown, rows: BatchRows): void {
  checkSdxl("training", sdxl, "unet")
  checkGiven("training: the schedule", schedule, "alphasCumprod", "createNoiseSchedule")
  checkTrainable("training", trainable)
  checkTrainableModel("training", model)
  checkGiven("training: the rows", rows, "examples", "createExampleCache, as examples,")
  checkArgument("training: the examples", rows.examples, "a list")
  if (rows.examples.length === 0) throw new CoreError("batch-empty", "training: the batch has no example")
  for (const example of rows.examples) checkGiven("training: an example", example, "latents", "createExampleCache")
}

/** A batch on the device, with its noise and its targets. */
interface PlacedBatch {
  readonly input: UnetInput
  readonly placed: PlacedTrainable
  readonly loss: (prediction: Tensor4D) => Scalar
  dispose(): void
}

function placeBatch<M extends TrainableModel>(
  sdxl: Pick<Sdxl, "ops" | "unet" | "prediction">,
  ofCheckpoint: NoiseSchedule,
  trainable: Trainable<M>,
  model: M,
  rowsOfBatch: BatchRows,
  options: ObjectiveOptions,
): PlacedBatch {
  checkObjective(options)
  const { seed, step, firstRow, examples, memo = NO_MEMO } = rowsOfBatch
  const { draws = streamDraws(seed, step, firstRow, examples.length) } = rowsOfBatch
  const schedule = trainingSchedule(ofCheckpoint, options)
  const { minTimestep = 0, maxTimestep = schedule.alphasCumprod.length, loss: type = "l2" } = options
  const { dropout = 0 } = options
  const [{ width, height }] = examples as readonly [CachedExample]
  const count = examples.length
  const channels = sdxl.unet.config.outChannels
  const shape: [number, number, number, number] = [count, height / VAE_FACTOR, width / VAE_FACTOR, channels]
  const timesteps = draws.timesteps(minTimestep, maxTimestep)
  const cleanValues = concatenate(examples.map((example) => example.latents))
  const grid = { rows: count, height: shape[1], width: shape[2], channels }
  const drawn = drawNoise(options.noise ?? {}, cleanValues, grid, draws)
  const [clean, noise, inputNoise] = [cleanValues, drawn.noise, drawn.input].map((values) =>
    tf.tensor4d(values, shape),
  ) as [Tensor4D, Tensor4D, Tensor4D]
  const alphas = timesteps.map((timestep) => alphaAt(schedule, timestep))
  const latents = addNoise(clean, inputNoise, alphas) as Tensor4D
  const full = sdxl.prediction === "epsilon" ? noise.clone() : velocity(clean, noise, alphas)
  const contextDim = sdxl.unet.config.contextDim
  const context = tf.tensor3d(concatenate(examples.map((example) => example.context)), [
    count,
    (examples[0]?.context.length ?? 0) / contextDim,
    contextDim,
  ])
  const vector = tf.tensor2d(concatenate(examples.map((example) => example.vector)), [
    count,
    examples[0]?.vector.length ?? 0,
  ])
  const input = { latents, timesteps, context, vector }
  const rows =
    options.strengthRange === undefined ? null : drawStrengths(options.strengthRange, { seed, step, firstRow, count })
  // Where every share is 1, the network's own prediction has no weight.
  const isWhole = rows === null || rows.every(({ share }) => share === 1)
  const target = isWhole ? full : towards(full, unet(sdxl.ops, sdxl.unet, input), rows)
  const placed = trainable.place(sdxl.ops, model, {
    ...{ examples, memo, draws },
    ...(dropout === 0 ? {} : { dropout: { rate: dropout, draws } }),
    ...(rows === null ? {} : { strengths: rows.map(({ strength }) => strength) }),
  })
  const { deltas, weights } = rowFactors(schedule, timesteps, type, sdxl.prediction, options)
  const mask = maskOf(examples, shape)
  return {
    ...{ input, placed },
    loss: (prediction) => {
      const losses = elementwiseLoss(prediction, target, type, deltas)
      return weightedMean(mask === null ? losses : tf.mul(losses, mask), weights)
    },
    dispose() {
      tf.dispose([noise, inputNoise, clean, latents, full, target, context, vector])
      mask?.dispose()
      placed.dispose()
    },
  }
}

/** How much each latent counts, [N, H, W, 1]. Null: all count alike. Source: sd-scripts `apply_masked_loss`. */
function maskOf(
  examples: readonly CachedExample[],
  [count, height, width]: readonly [number, number, number, number],
): Tensor4D | null {
  if (examples.every(({ mask }) => mask === undefined)) return null
  const full = new Float32Array(height * width).fill(1)
  return tf.tensor4d(concatenate(examples.map(({ mask = full }) => mask)), [count, height, width, 1])
}

/** The schedule of the checkpoint, or the one that the options ask for. */
function trainingSchedule(ofCheckpoint: NoiseSchedule, { zeroTerminalSnr }: ObjectiveOptions): NoiseSchedule {
  return zeroTerminalSnr === undefined || zeroTerminalSnr === (ofCheckpoint.plainAlphas !== undefined)
    ? ofCheckpoint
    : createNoiseSchedule({ zeroTerminalSnr })
}

/** The share of the way from the network's own prediction, which is disposed, to the target. */
function towards(target: Tensor, own: Tensor4D, rows: readonly RowStrength[]): Tensor {
  return tf.tidy(() => {
    const shares = tf.tensor4d(
      rows.map(({ share }) => share),
      [rows.length, 1, 1, 1],
    )
    const mixed = tf.add(own, tf.mul(shares, tf.sub(target, own)))
    own.dispose()
    return mixed
  })
}

/** The values of each row's timestep that the loss uses. */
function rowFactors(
  schedule: NoiseSchedule,
  timesteps: readonly number[],
  type: LossType,
  prediction: Prediction,
  { huber = { schedule: "snr" }, weights = {} }: ObjectiveOptions,
): { deltas: readonly number[] | undefined; weights: readonly number[] } {
  const total = schedule.alphasCumprod.length
  const plain = { ...schedule, alphasCumprod: schedule.plainAlphas ?? schedule.alphasCumprod }
  const isHuber = type === "huber" || type === "smooth_l1"
  return {
    deltas: isHuber
      ? timesteps.map((timestep) => huberDelta(huber, timestep, total, sigmaAt(schedule, timestep)))
      : undefined,
    weights: timesteps.map((timestep) => lossWeight(weights, prediction, snrAt(plain, timestep))),
  }
}
