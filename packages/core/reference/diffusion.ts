import * as tf from "@tensorflow/tfjs-core"
import type { Prediction } from "../src/diffusion/names.ts"
import { addNoise, velocity } from "../src/diffusion/noising.ts"
import { alphaAt, type NoiseSchedule, snrAt } from "../src/diffusion/schedule.ts"
import { type SizeCondition, sizeEmbedding, timestepEmbedding } from "../src/diffusion/size-embedding.ts"
import { concatenate } from "../src/training/concatenate.ts"
import { createLrSchedule, type LrScheduleOptions } from "../src/training/learning-rate/schedule.ts"
import { elementwiseLoss, huberDelta, lossWeight, weightedMean } from "../src/training/loss.ts"
import { type HuberSchedule, LOSS_TYPES, type LossType, LR_CURVES, type LrCurve } from "../src/training/names.ts"
import {
  type CaseResult,
  compare,
  FORWARD_TOLERANCE,
  type ReferenceTensor,
  type ReferenceTensors,
  readTensor,
} from "./case.ts"
import { runSamplers, type SamplerReference, schedulesOf } from "./samplers.ts"
import { normal, signal } from "./synthetic.ts"

/** diffusion.json */
export interface DiffusionReference {
  /** The prefix of all inputs' names. */
  readonly tag: string
  readonly schedule: {
    readonly num_train_timesteps: number
    readonly beta_start: number
    readonly beta_end: number
    readonly beta_schedule: string
  }
  readonly timestepsOfLossCases: readonly number[]
  readonly lrArgs: {
    readonly lr_scheduler_num_cycles: number
    readonly lr_scheduler_power: number
    readonly lr_warmup_steps: number
    readonly lr_decay_steps: number
    readonly lr_scheduler_timescale: number | string | null
    readonly lr_scheduler_min_lr_ratio: number
    readonly max_train_steps: number
  }
  readonly samplers: Readonly<Record<string, SamplerReference>>
}

/** Compares everything around the network with the reference: schedule, samplers, losses, embeddings, rates. */
export async function runDiffusion(
  reference: DiffusionReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  if (reference.schedule.beta_schedule !== "scaled_linear") {
    return [{ case: "schedule", skipped: `no beta schedule "${reference.schedule.beta_schedule}"` }]
  }
  const schedules = schedulesOf(reference.schedule)
  const run: Run = {
    reference,
    schedule: schedules.plain,
    zeroTerminal: schedules.zeroTerminal,
    latentShape: tensors.tensors.get("schedule.addNoise")?.shape ?? [],
  }
  const results: CaseResult[] = []
  for (const name of [...tensors.tensors.keys()].filter((name) => !name.startsWith("sampler."))) {
    results.push(await runTensor(run, name, await readTensor(tensors, name)))
  }
  return [...results, ...(await runSamplers(reference.tag, reference.samplers, schedules, tensors))]
}

interface Run {
  readonly reference: DiffusionReference
  readonly schedule: NoiseSchedule
  readonly zeroTerminal: NoiseSchedule
  /** The shape of the mixed latents and noise, with a row for each timestep of the loss cases. */
  readonly latentShape: readonly number[]
}

/** Two float32 exponentials may differ in the last bit of a frequency. At a size of 2048 this is 2.4e-4 of an angle. */
const EMBEDDING_TOLERANCE = 2.5e-4

async function runTensor(run: Run, name: string, want: ReferenceTensor): Promise<CaseResult> {
  const group = name.split(".")[0]
  const ours = await (group === "schedule"
    ? scheduleValues(run, name, want)
    : group === "loss"
      ? lossValues(run, name, want)
      : group === "lr"
        ? lrValues(run, name, want)
        : embeddingValues(name))
  if (ours === undefined) return { case: name, skipped: "not built" }
  return compare(name, ours, want.values, name.includes("embedding") ? EMBEDDING_TOLERANCE : FORWARD_TOLERANCE)
}

/** Values from the backend, which are read asynchronously, or from the host. */
type Values = Promise<Float32Array> | ArrayLike<number> | undefined

function scheduleValues(run: Run, name: string, want: ReferenceTensor): Values {
  const { schedule, zeroTerminal } = run
  switch (name) {
    case "schedule.alphasCumprod":
      return schedule.alphasCumprod
    case "schedule.zeroTerminalSnr.alphasCumprod":
      return zeroTerminal.alphasCumprod
    case "schedule.snr":
      return schedule.alphasCumprod.map((_, timestep) => snrAt(schedule, timestep))
    case "schedule.addNoise":
      return withPair(run, want.shape, (x0, noise, alphas) => addNoise(x0, noise, alphas))
    case "schedule.velocity":
      return withPair(run, want.shape, (x0, noise, alphas) => velocity(x0, noise, alphas))
    default:
      return undefined
  }
}

/** Rows of clean latents and noise, one for each timestep of the loss cases. */
async function withPair(
  { reference: { tag, timestepsOfLossCases }, schedule }: Run,
  shape: readonly number[],
  compute: (x0: tf.Tensor, noise: tf.Tensor, alphas: readonly number[]) => tf.Tensor,
): Promise<Float32Array> {
  const result = tf.tidy(() => {
    const x0 = tf.tensor(signal(`${tag}/x0`, shape), [...shape])
    const noise = tf.tensor(normal(`${tag}/noise`, shape), [...shape])
    const alphas = timestepsOfLossCases.map((timestep) => alphaAt(schedule, timestep))
    return compute(x0, noise, alphas)
  })
  const values = await result.data<"float32">()
  result.dispose()
  return values
}

function lossValues(run: Run, name: string, want: ReferenceTensor): Values {
  const { reference, schedule } = run
  const [, type = "", variant = ""] = name.split(".")
  const times = reference.timestepsOfLossCases
  if ((LOSS_TYPES as readonly string[]).includes(type)) {
    const huberSchedule = variant as HuberSchedule
    const deltas = times.map((timestep) =>
      huberDelta({ schedule: huberSchedule }, timestep, schedule.sigmas.length, schedule.sigmas[timestep] as number),
    )
    const isHuber = type === "huber" || type === "smooth_l1"
    // The reference computes the rows separately, so each is a batch of one.
    return withPair(run, run.latentShape, (x0, noise) => {
      const losses = elementwiseLoss(noise, x0, type as LossType, isHuber ? deltas : undefined)
      return tf.stack(tf.split(losses, times.length).map((row) => weightedMean(row, [1])))
    })
  }
  // The reference applied the weights to losses of 1, 2, 3, …
  const weigh = lossWeightOf(name)
  return weigh && Float32Array.from(want.values, (_, row) => (row + 1) * weigh(snrAt(schedule, times[row] as number)))
}

function lossWeightOf(name: string): ((snr: number) => number) | undefined {
  const prediction: Prediction = name.endsWith(".v") ? "v" : "epsilon"
  const minSnr = /^loss\.minSnr([\d.]+)\.(eps|v)$/.exec(name)?.[1]
  if (minSnr !== undefined) return (snr) => lossWeight({ minSnrGamma: Number(minSnr) }, prediction, snr)
  const vLike = /^loss\.vPredLike([\d.]+)$/.exec(name)?.[1]
  if (vLike !== undefined) return (snr) => lossWeight({ vPredictionLike: Number(vLike) }, "epsilon", snr)
  if (name === "loss.scaleV") return (snr) => lossWeight({ scaleVLikeNoise: true }, "v", snr)
  if (/^loss\.debiased\.(eps|v)$/.test(name)) return (snr) => lossWeight({ debiased: true }, prediction, snr)
  return undefined
}

function lrValues({ reference: { lrArgs } }: Run, name: string, want: ReferenceTensor): ArrayLike<number> | undefined {
  const curve = name.slice("lr.".length) as LrCurve
  if (!LR_CURVES.includes(curve)) return undefined
  // The reference gives every curve all arguments. Our curves take only their options.
  const own: Partial<LrScheduleOptions> = {
    ...(curve === "constant" ? {} : { warmupSteps: lrArgs.lr_warmup_steps }),
    ...(curve === "warmup_stable_decay" ? { decaySteps: lrArgs.lr_decay_steps } : {}),
    ...(curve === "polynomial" ? { power: lrArgs.lr_scheduler_power } : {}),
    ...(curve === "inverse_sqrt" && typeof lrArgs.lr_scheduler_timescale === "number"
      ? { timescale: lrArgs.lr_scheduler_timescale }
      : {}),
    ...(["cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"].includes(curve)
      ? { cycles: lrArgs.lr_scheduler_num_cycles }
      : {}),
    ...(["cosine_with_min_lr", "warmup_stable_decay"].includes(curve)
      ? { minRatio: lrArgs.lr_scheduler_min_lr_ratio }
      : {}),
  }
  const rate = createLrSchedule({ curve, learningRate: 1, totalSteps: lrArgs.max_train_steps, ...own })
  return want.values.map((_, step) => rate(step))
}

/** The sizes that `timeIds.embedding` embeds: SDXL's usual picture, and one whose six numbers all differ. */
const EMBEDDED_SIZES: readonly SizeCondition[] = [
  { original: [1024, 1024], crop: [0, 0], target: [1024, 1024] },
  { original: [832, 1216], crop: [16, 32], target: [768, 1344] },
]

/** The timesteps that `timestep.embedding320` embeds. */
const EMBEDDED_TIMESTEPS: readonly number[] = [0, 1, 500, 999]

/** The reference's description does not name what it embeds. So the numbers stand here, and not in its answer. */
function embeddingValues(name: string): ArrayLike<number> | undefined {
  if (name === "timeIds.embedding") return concatenate(EMBEDDED_SIZES.map(sizeEmbedding))
  if (name === "timestep.embedding320") {
    return concatenate(EMBEDDED_TIMESTEPS.map((timestep) => timestepEmbedding(timestep, 320)))
  }
  return undefined
}
