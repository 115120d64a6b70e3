import { expectOpenFile } from "../argument.ts"
import { show } from "../errors.ts"
import type { SafetensorsHeader } from "../safetensors/header-contents.ts"
import type { TensorOutlines } from "./quantisation.ts"
import { quantisationOf } from "./quantisation.ts"

/** What a checkpoint, or a U-Net alone, says about how it is to be run. */
export interface CheckpointTraits {
  /** The quantity that the U-Net predicts. Null: the file does not say it, which means noise for nearly all. */
  readonly prediction: "epsilon" | "v" | null
  /** The part of the file that says it, for messages: `the tensor "v_pred"`. Null with `prediction`. */
  readonly saidBy: string | null
  /** Whether its noise schedule was rescaled to zero terminal SNR, as the tensor "ztsnr" says. */
  readonly zeroTerminalSnr: boolean
  /** Number of weights that are stored beside a scale, which the values are to be multiplied by. */
  readonly scaledWeights: number
  /** Why this project cannot run it, one sentence each. The first names its kind. Empty: it can. */
  readonly refusals: readonly string[]
  /** What is not followed, and what users have to know, one sentence each. */
  readonly notices: readonly string[]
}

/** The part of a header that {@link readCheckpointTraits} reads. */
export interface TraitSource {
  readonly tensors: TensorOutlines
  /** Also holds what the configuration of a diffusers folder says: see {@link SCHEDULER_KEY}. */
  readonly metadata?: SafetensorsHeader["metadata"]
  /** The file's name. People put into it what the file does not say. */
  readonly label?: string
}

/** Prefix of the metadata's keys that hold values of diffusers' `scheduler_config.json`. */
export const SCHEDULER_KEY = "scheduler_config."

/**
 * Reads what a checkpoint says of itself. It decides nothing about files that are not of SDXL: see `identify`.
 *
 * Sources: ComfyUI `supported_models.py` for the tensors "v_pred", "ztsnr", "edm_mean" and "edm_vpred.sigma_max";
 * Stability's ModelSpec; diffusers' scheduler configuration.
 */
export function readCheckpointTraits(file: TraitSource): CheckpointTraits {
  expectOpenFile(file)
  const { tensors, metadata = new Map(), label = "" } = file
  const { prediction, saidBy, zeroTerminalSnr, unknown } = readPrediction(tensors, metadata)
  const { scaledWeights, reason } = quantisationOf(tensors)
  const inputs = inputRefusal(tensors)
  const levels = levelRefusal(tensors)
  return {
    prediction,
    saidBy,
    zeroTerminalSnr: zeroTerminalSnr && prediction === "v",
    scaledWeights,
    refusals: [inputs, levels, reason].filter((each) => each !== null),
    notices: [
      ...(inputChannelsOf(tensors) === INPAINTING_CHANNELS
        ? ["It is an inpainting checkpoint. It needs a picture to start from and a mask."]
        : []),
      ...unknown.map((what) => `${what}, which is not followed. It is run as a model that predicts noise.`),
      ...(zeroTerminalSnr && prediction !== "v"
        ? ["It says zero terminal SNR without v-prediction. Its noise schedule is not rescaled."]
        : []),
      ...nameNotices(`${label} ${metadata.get("modelspec.title") ?? ""}`, tensors, prediction),
    ],
  }
}

interface PredictionClaim extends Pick<CheckpointTraits, "prediction" | "saidBy" | "zeroTerminalSnr"> {
  /** Values that name another quantity. */
  readonly unknown: readonly string[]
}

function readPrediction(tensors: TensorOutlines, metadata: SafetensorsHeader["metadata"]): PredictionClaim {
  const zeroTerminalSnr =
    tensors.has("ztsnr") ||
    ["ss_zero_terminal_snr", `${SCHEDULER_KEY}rescale_betas_zero_snr`].some((key) => isTrue(metadata.get(key)))
  // A marker tensor was added on purpose. Metadata may be left from the model that a file was made from.
  if (tensors.has("v_pred")) return { prediction: "v", saidBy: 'the tensor "v_pred"', zeroTerminalSnr, unknown: [] }
  if (isTrue(metadata.get("ss_v_parameterization")))
    return { prediction: "v", saidBy: "ss_v_parameterization in its metadata", zeroTerminalSnr, unknown: [] }
  const unknown: string[] = []
  for (const key of ["modelspec.prediction_type", `${SCHEDULER_KEY}prediction_type`]) {
    const value = metadata.get(key)
    if (value === undefined) continue
    const place = key.startsWith(SCHEDULER_KEY) ? "scheduler_config.json" : `${key} in its metadata`
    const prediction = PREDICTIONS[value.trim().toLowerCase().replaceAll("-", "_")]
    if (prediction !== undefined) return { prediction, saidBy: place, zeroTerminalSnr, unknown }
    unknown.push(`${place} is ${show(value)}`)
  }
  return { prediction: null, saidBy: null, zeroTerminalSnr, unknown }
}

/** The spellings of predictions. It has no prototype, since the values come from files. */
const PREDICTIONS: Readonly<Record<string, "epsilon" | "v">> = Object.assign(Object.create(null), {
  ...{ epsilon: "epsilon", eps: "epsilon" },
  ...{ v: "v", v_pred: "v", vpred: "v", v_prediction: "v", vprediction: "v", velocity: "v" },
})

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|1)$/i.test(value.trim())
}

/** The first convolution of a U-Net, under the names of a checkpoint, of a U-Net alone, and of diffusers. */
const FIRST_CONVOLUTIONS = [
  "model.diffusion_model.input_blocks.0.0.weight",
  "input_blocks.0.0.weight",
  "conv_in.weight",
]

/** Input channels of a U-Net for inpainting: latents, mask, and latents of the masked picture. */
const INPAINTING_CHANNELS = 9

function inputChannelsOf(tensors: TensorOutlines): number | null {
  for (const name of FIRST_CONVOLUTIONS) {
    const shape = tensors.get(name)?.shape
    if (shape?.length === 4) return shape[1] ?? null
  }
  return null
}

function inputRefusal(tensors: TensorOutlines): string | null {
  // The VAE of a checkpoint for latents of 16 channels does not fit, which is said where it is loaded.
  return inputChannelsOf(tensors) === 8
    ? "it is a checkpoint for editing by instructions: its U-Net reads a picture beside the latents. This is not supported. Give a checkpoint for text to image"
    : null
}

function levelRefusal(tensors: TensorOutlines): string | null {
  const sign = ["edm_mean", "edm_std", "edm_vpred.sigma_max"].find((name) => tensors.has(name))
  return sign === undefined
    ? null
    : `it was trained on EDM's noise levels, as its tensor "${sign}" says. They are not supported. Give a checkpoint of SDXL's own schedule`
}

function nameNotices(
  name: string,
  tensors: TensorOutlines,
  prediction: CheckpointTraits["prediction"],
): readonly string[] {
  const distilled = DISTILLED.find(([pattern]) => pattern.test(name))
  const embedsGuidance = ["time_embedding.cond_proj.weight", "model.diffusion_model.time_embed.cond_proj.weight"].some(
    (each) => tensors.has(each),
  )
  return [
    ...(distilled === undefined
      ? []
      : [
          `Its name says ${distilled[1]}. Such a checkpoint wants few steps (1 to 8), a guidance scale near 1, and the sampler ${distilled[2]}.`,
        ]),
    ...(embedsGuidance ? ["It reads the guidance scale as an embedding, as LCM does. This is not followed."] : []),
    ...(prediction === null && /v[-_ ]?pred/i.test(name)
      ? ["Its name says v-prediction, and the file itself does not. It is run as a model that predicts noise."]
      : []),
  ]
}

/** Distilled checkpoints by their names, and the sampler that their authors run them with, in their model cards. */
const DISTILLED: readonly (readonly [pattern: RegExp, name: string, sampler: string])[] = [
  [/turbo/i, "Turbo", "euler_a with the spacing trailing"],
  [/lightning/i, "Lightning", "euler with the spacing trailing"],
  [/(^|[^a-z])lcm([^a-z]|$)/i, "LCM", "lcm"],
  [/hyper[-_ ]?(sd|xl)/i, "Hyper-SD", "ddim with the spacing trailing"],
  [/(^|[^a-z])dmd2?([^a-z]|$)/i, "DMD", "lcm"],
]
