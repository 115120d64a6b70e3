import { enumerateSites } from "@lllite/format/selections"
import { createNoiseSchedule } from "../src/diffusion/schedule.ts"
import { cutPatches } from "../src/models/lllite/conditioner.ts"
import type { LlliteModel } from "../src/models/lllite/layout.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { BatchDraws } from "../src/training/batch-draws.ts"
import { concatenate } from "../src/training/concatenate.ts"
import type { CachedExample } from "../src/training/dataset.ts"
import type { ExampleMemo } from "../src/training/example-memo.ts"
import { LLLITE } from "../src/training/lllite-trainable.ts"
import type { LossType, LrCurve } from "../src/training/names.ts"
import { objective } from "../src/training/objective.ts"
import type { ObjectiveOptions } from "../src/training/objective-options.ts"
import { readOptimizerArguments } from "../src/training/optimizers/python-arguments.ts"
import type { GradientSource } from "../src/training/train.ts"
import { train } from "../src/training/train.ts"
import { beginTraining } from "../src/training/train-state.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { channelsLast } from "./layout.ts"
import { findNearZero, otherSide } from "./relu-sides.ts"
import { normal, signal } from "./synthetic.ts"
import type { UnetReference } from "./unet.ts"
import { syntheticLllite, unetConfigOf } from "./unet.ts"
import { loadSynthetic } from "./weights.ts"

/** lllite-train-options.json */
export interface TrainOptionsReference {
  readonly tag: string
  readonly unet: UnetReference["unet"]
  readonly lllite: { readonly prefix: string; readonly condDim: number; readonly mlpDim: number }
  readonly latent: readonly [height: number, width: number]
  readonly parameterNames: readonly string[]
  readonly cases: readonly TrainCase[]
}

interface TrainCase {
  readonly key: string
  readonly dropout: number | null
  readonly accumulation: number
  readonly optimizerSteps: number
  readonly batch: number
  readonly optimizer: string
  readonly optimizerArgs: readonly string[] | null
  readonly learningRate: number
  readonly lrScheduler: LrCurve
  readonly warmup: number
  readonly maxGradNorm: number
  readonly noise: Readonly<Record<string, number | null>>
  readonly vParameterization: boolean
  readonly minSnrGamma: number | null
  readonly lossType: LossType
  readonly upZeroed: boolean
  readonly timesteps: readonly (readonly number[])[]
}

/** Weights after some updates. AdamW divides by roots of gradients that are nearly zero, so their error counts. */
const UPDATE_TOLERANCE = 2e-2

/** The most inputs of ReLUs near zero that are tried on their other side, one after another. */
const MOST_SIDES = 8

/** The loop of training with dropout, accumulation, clipping, schedules, noise and other losses. */
export async function runTrainOptions(
  reference: TrainOptionsReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const config = unetConfigOf(reference.unet)
  const params = await loadSynthetic("a U-Net", buildUnet(config), ops.load)
  const results: CaseResult[] = []
  for (const trainCase of reference.cases) {
    results.push(...(await runBothSides(ops, (own) => runCase(reference, trainCase, tensors, own, params))))
  }
  disposeParams(params)
  return results
}

/**
 * Runs a case. Where it differs from the reference, it runs again with one input of a ReLU on the other side of zero, if
 * the input is within the error of float32. The results of a side on which nothing differs count, and their names say
 * so.
 */
async function runBothSides(
  ops: Ops,
  run: (ops: Ops) => Promise<readonly CaseResult[]>,
): Promise<readonly CaseResult[]> {
  const plain = await run(ops)
  if (plain.every(isRight)) return plain
  const near = await findNearZero(ops, run)
  for (const place of near.slice(0, MOST_SIDES)) {
    const other = await run(otherSide(ops, place))
    if (!other.every(isRight)) continue
    const side = `(ReLU input ${place.value.toExponential(1)} on its other side)`
    return other.map((result) => ({ ...result, case: `${result.case} ${side}` }))
  }
  return plain
}

function isRight(result: CaseResult): boolean {
  return !("ok" in result) || result.ok
}

async function runCase(
  reference: TrainOptionsReference,
  trainCase: TrainCase,
  tensors: ReferenceTensors,
  ops: Ops,
  params: UnetParams,
): Promise<readonly CaseResult[]> {
  const { key, accumulation, batch, optimizerSteps: steps, lrScheduler: curve, warmup } = trainCase
  const [height, width] = reference.latent
  const read = readOptimizerArguments(trainCase.optimizer, trainCase.optimizerArgs ?? [])
  if (!("optimizer" in read))
    return [
      { case: key, skipped: read.problems.map(({ part, expected }) => `${part}: expected ${expected}`).join("; ") },
    ]
  const model = await syntheticLllite({ ...reference.lllite, strength: 1 }, enumerateSites(params.config.layout))
  if (trainCase.upZeroed) {
    for (const { name, offset, size } of model.slots)
      if (name.startsWith("up.")) model.values.fill(0, offset, offset + size)
  }
  const losses: number[] = []
  let first: Float32Array | null = null
  const schedule = createNoiseSchedule()
  const sdxl = { ops, unet: params, prediction: trainCase.vParameterization ? "v" : "epsilon" } as const
  const gradients: GradientSource = async (lllite, tasks) => {
    const [task] = tasks
    const step = task?.step ?? 0
    const rows = microStep(reference, trainCase, step)
    const found = await objective(sdxl, schedule, LLLITE, lllite, rows, optionsOf(trainCase))
    losses.push(found.loss)
    first ??= found.gradients.map((value) => value / accumulation)
    return [found]
  }
  const examples = Array.from({ length: batch * accumulation }, () => ({ width: 8 * width, height: 8 * height }))
  const norms: number[] = []
  const run = train(
    beginTraining(model, read.optimizer),
    examples,
    { gradients, parts: LLLITE.parts(model) },
    {
      ...{ steps, batchSize: batch, accumulation, seed: 0, optimizer: read.optimizer },
      ...{ learningRate: trainCase.learningRate, maxGradNorm: trainCase.maxGradNorm },
      lr: { curve, ...(warmup === 0 ? {} : { warmupSteps: warmup }) },
    },
  )
  for await (const { gradientNorm } of run) norms.push(gradientNorm)
  const theirNorms = await tensors.readFloat32(`${key}.gradNorms`)
  return [
    compare(`train/${key}.losses`, losses, await tensors.readFloat32(`${key}.losses`)),
    compare(`train/${key}.gradNorms`, norms, theirNorms),
    ...(await compareParts(`${key}.firstGrad`, model, first ?? new Float32Array(0), tensors)),
    ...(await compareParts(`${key}.after`, model, model.values, tensors, UPDATE_TOLERANCE)),
    compare(
      `train/${key}.after.norms`,
      normsOf(model, reference.parameterNames),
      await tensors.readFloat32(`${key}.after.norms`),
      UPDATE_TOLERANCE,
    ),
  ]
}

function optionsOf({ noise, dropout, minSnrGamma, lossType }: TrainCase): ObjectiveOptions {
  const { noise_offset: offset, ip_noise_gamma: inputPerturbation } = noise
  return {
    loss: lossType,
    noise: { ...(offset == null ? {} : { offset }), ...(inputPerturbation == null ? {} : { inputPerturbation }) },
    weights: minSnrGamma === null ? {} : { minSnrGamma },
    ...(dropout === null ? {} : { dropout }),
  }
}

/** The rows and the draws of a batch, by their names. */
function microStep(
  { tag, latent }: TrainOptionsReference,
  { key, batch, timesteps, noise }: TrainCase,
  step: number,
): Parameters<typeof objective>[4] {
  const name = `${tag}/trainopt/${key}`
  const [height, width] = latent
  const [vectors, contexts] = [
    signal(`${name}/vector/${step}`, [batch, 1576]),
    signal(`${name}/context/${step}`, [batch, 77, 64]),
  ]
  const latents = channelsLast(signal(`${name}/latents/${step}`, [batch, 4, height, width]), batch, 4)
  const control = channelsLast(signal(`${name}/control/${step}`, [batch, 3, 8 * height, 8 * width]), batch, 3)
  const row = (values: Float32Array, index: number): Float32Array =>
    values.slice((index * values.length) / batch, ((index + 1) * values.length) / batch)
  const examples = Array.from({ length: batch }, (_, index): CachedExample => {
    const size = { width: 8 * width, height: 8 * height }
    return {
      ...size,
      latents: row(latents, index),
      context: row(contexts, index),
      vector: row(vectors, index),
      // Its numbers come from the memo, because those of a picture are whole.
      control: { ...size, data: new Uint8Array(0) },
    }
  })
  const memo: ExampleMemo = {
    of(example, what) {
      const [, depth] = /depth (\d)/.exec(what) ?? []
      const data = row(control, examples.indexOf(example))
      const form = { depth: Number(depth) as 1 | 2 | 3, channels: 3 } as const
      return cutPatches({ count: 1, ...{ width: 8 * width, height: 8 * height }, data }, form).values
    },
  }
  // The order of draws: noise, its offset, timesteps, the perturbation.
  const offsets = noise.noise_offset == null ? 0 : 1
  const numbers: Readonly<Record<string, number>> = { noise: 0, "noise offset": 1, perturbation: 2 + offsets }
  const draws: BatchDraws = {
    timesteps: () => timesteps[step] ?? [],
    normal: (purpose, { rows, channels, ...grid }) =>
      channelsLast(
        normal(`${name}/draw/${step}/${numbers[purpose]}`, [rows, channels, grid.height, grid.width]),
        rows,
        channels,
      ),
    uniform: () => Number.NaN,
    holes: () => [],
    keeps: (site, tokens, dim) =>
      signal(`${name}/mask/${step}/${site}`, [batch, tokens, dim]).map((value) => (value + 1) / 2),
  }
  return { seed: 0, step, firstRow: 0, examples, memo, draws }
}

/** Compares every part that the reference stores as `what/name`. */
async function compareParts(
  what: string,
  model: LlliteModel,
  values: Float32Array,
  tensors: ReferenceTensors,
  tolerance?: number,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const part of LLLITE.parts(model)) {
    const name = `${what}/${part.name}`
    if (!tensors.tensors.has(name)) continue
    const ours = LLLITE.tensor({ ...model, values }, part)
    results.push(compare(`train/${name}`, ours, await tensors.readFloat32(name), tolerance))
  }
  return results
}

function normsOf(model: LlliteModel, names: readonly string[]): Float32Array {
  const parts = new Map(LLLITE.parts(model).map((part) => [part.name, part]))
  return concatenate(
    names.map((name) => {
      const { offset, size } = parts.get(name) ?? { offset: 0, size: 0 }
      return Float32Array.of(Math.hypot(...model.values.subarray(offset, offset + size)))
    }),
  )
}
