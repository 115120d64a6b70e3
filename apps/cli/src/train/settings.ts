import { readFile } from "node:fs/promises"
import type { HuberOptions, LossType, LossWeightOptions, LrMovement } from "@lllite/core/training"
import type { FloatDtype } from "@lllite/format"
import type { ConfigTable, SdxlPaths } from "@lllite/runtime-node"
import { fileError, nearest } from "@lllite/runtime-node"
import { parse } from "smol-toml"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice, sdxlPaths, vaeSlices } from "../model/runtime-options.ts"
import type { OptionValues, StepCount } from "../options/options.ts"
import { readValues } from "../options/options.ts"
import { UsageError } from "../terminal/errors.ts"
import { LR_SCHEDULERS, NEEDLESS_OPTIONS, REFUSED_OPTIONS, TRAIN_OPTIONS } from "./options.ts"

/** How the learning rate moves. Shares of a run wait for its length to be known. */
export interface LrSettings extends Omit<LrMovement, "warmupSteps" | "decaySteps"> {
  readonly warmup?: StepCount
  readonly decay?: StepCount
}

/** All that `train` does, checked. */
export interface TrainSettings {
  readonly model: SdxlPaths
  /** Null where memory decides. */
  readonly vaeSlices: number | null
  readonly prediction: "epsilon" | "v"
  /** An LLLite to go on from. */
  readonly startFrom: string | null
  readonly mlpDim: number
  readonly condDim: number
  readonly init: "default" | "normalised"
  /** A file of data sets, or null for the folders in `datasetOptions`. */
  readonly datasetConfig: string | null
  /** The data set's options by sd-scripts' names: the folders, or what a file's tables do not say. */
  readonly datasetOptions: ConfigTable
  readonly length: { readonly steps: number } | { readonly epochs: number }
  readonly seed: number
  readonly gradientCheckpointing: boolean
  readonly maxGradNorm: number
  readonly learningRate: number
  readonly lr: LrSettings
  readonly minTimestep: number
  readonly maxTimestep: number
  /** Whether the file says which timesteps it was trained on. */
  readonly timestepsGiven: boolean
  readonly loss: LossType
  readonly huber: HuberOptions
  readonly weights: LossWeightOptions
  readonly runtime: RuntimeChoice
  readonly outputDir: string
  readonly outputName: string
  readonly dtype: FloatDtype
  readonly saveEvery: { readonly steps: number } | { readonly epochs: number } | null
  readonly metadata: {
    readonly title: string
    readonly author?: string
    readonly description?: string
    readonly license?: string
    readonly tags?: string
  }
  /** What was asked for and has no effect here, one sentence each. */
  readonly notices: readonly string[]
}

const DTYPES: Readonly<Record<string, FloatDtype>> = { float: "F32", fp16: "F16", bf16: "BF16" }

/**
 * Reads a `--config` file: TOML with sd-scripts' option names. Sections have no meaning and are flattened, as there.
 *
 * @throws InputError when it cannot be read; UsageError when it is no TOML or says an option twice
 */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  let table: Readonly<Record<string, unknown>>
  try {
    table = parse(text)
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
    throw new UsageError(`"${path}" is no valid TOML: ${reason}`)
  }
  const flat: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(table)) {
    const isSection = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
    for (const [key, inner] of isSection ? Object.entries(value) : [[name, value] as const]) {
      if (Object.hasOwn(flat, key)) throw new UsageError(`"${path}" gives ${key} twice. Keep one.`)
      flat[key] = inner
    }
  }
  return flat
}

/**
 * Checks what a config file and the command line ask for; where both say something the command line wins.
 *
 * @throws UsageError naming the option, what was expected and what came
 */
export function readTrainSettings(
  file: { readonly path: string; readonly values: Readonly<Record<string, unknown>> } | null,
  commandLine: Readonly<Record<string, unknown>>,
): TrainSettings {
  const notices: string[] = []
  const fromFile = file === null ? {} : known(file.values, `"${file.path}"`, notices)
  const values = { ...fromFile, ...known(commandLine, "train", notices) }
  const get = getters(values)

  const checkpoint = get.text("pretrained_model_name_or_path")
  if (checkpoint === undefined) {
    throw new UsageError(
      'train: pretrained_model_name_or_path is missing, expected an SDXL checkpoint, or "tiny" for the embedded one',
    )
  }
  const outputDir = get.text("output_dir")
  if (outputDir === undefined) throw new UsageError("train: output_dir is missing, expected a folder to write into")
  onlyOne(get.text("optimizer_type"), "adamw", "optimizer_type", "AdamW is the only optimizer here")
  onlyOne(
    get.text("save_model_as"),
    "safetensors",
    "save_model_as",
    "ckpt and pt files are pickles, which can run code when they are opened",
  )
  const epochs = get.count("max_train_epochs")
  const everySteps = get.count("save_every_n_steps")
  const everyEpochs = get.count("save_every_n_epochs")
  if (everySteps !== undefined && everyEpochs !== undefined) {
    throw new UsageError("train: save_every_n_steps and save_every_n_epochs are both given, expected one of them")
  }
  const outputName = get.text("output_name") ?? "last"
  if (/[/\\]/.test(outputName) || outputName === "") {
    throw new UsageError(`train: output_name is "${outputName}", expected a file's name without folders and ending`)
  }
  const minTimestep = get.integer("min_timestep") ?? 0
  const maxTimestep = get.integer("max_timestep") ?? 1000
  if (minTimestep < 0 || minTimestep >= maxTimestep || maxTimestep > 1000) {
    throw new UsageError(
      `train: timesteps ${minTimestep} to ${maxTimestep} are asked for, expected 0 ≤ min_timestep < max_timestep ≤ 1000`,
    )
  }
  const startFrom = get.text("network_weights") ?? null
  for (const name of ["network_dim", "cond_emb_dim", "conditioner_init"]) {
    if (startFrom === null || values[name] === undefined) continue
    throw new UsageError(`train: ${name} comes from the file that network_weights names. Leave it out.`)
  }
  const condDim = get.count("cond_emb_dim") ?? 32
  if (condDim % 2 !== 0) throw new UsageError(`train: cond_emb_dim is ${condDim}, expected an even number`)
  return {
    model: sdxlPaths(checkpoint, values),
    vaeSlices: vaeSlices(values, "train"),
    prediction: get.flag("v_parameterization") ? "v" : "epsilon",
    startFrom,
    mlpDim: get.count("network_dim") ?? 64,
    condDim,
    init: get.text("conditioner_init") === "normalised" ? "normalised" : "default",
    ...readDatasetOptions(values, get, notices),
    length: epochs === undefined ? { steps: get.count("max_train_steps") ?? 1600 } : { epochs },
    seed: get.integer("seed") ?? 0,
    gradientCheckpointing: get.flag("gradient_checkpointing"),
    maxGradNorm: get.number("max_grad_norm") ?? 1,
    ...readRate(values, get),
    minTimestep,
    maxTimestep,
    timestepsGiven: values.min_timestep !== undefined || values.max_timestep !== undefined,
    ...readLoss(get),
    runtime: runtimeChoice(values),
    outputDir,
    outputName,
    dtype: DTYPES[get.text("save_precision") ?? "float"] ?? "F32",
    saveEvery:
      everySteps !== undefined ? { steps: everySteps } : everyEpochs !== undefined ? { epochs: everyEpochs } : null,
    metadata: {
      title: get.text("metadata_title") ?? outputName,
      ...optional("author", get.text("metadata_author")),
      ...optional("description", get.text("metadata_description")),
      ...optional("license", get.text("metadata_license")),
      ...optional("tags", get.text("metadata_tags")),
    },
    notices,
  }
}

/** The values of the options that there are; the others are refused, or noted when they ask for nothing. */
function known(given: Readonly<Record<string, unknown>>, where: string, notices: string[]): OptionValues {
  const names = TRAIN_OPTIONS.map(({ name }) => name)
  for (const [name, value] of Object.entries(given)) {
    // A false flag asks for nothing, whichever it is.
    if (value === undefined || names.includes(name) || (value === false && isForeign(name))) continue
    const refused = REFUSED_OPTIONS[name]
    if (refused !== undefined) throw new UsageError(`${where}: ${name} cannot be followed: ${refused}. Leave it out.`)
    const needless = NEEDLESS_OPTIONS[name]
    if (needless === undefined) {
      const near = nearest(name, names)
      throw new UsageError(`${where}: there is no option "${name}".${near === null ? "" : ` Did you mean "${near}"?`}`)
    }
    notices.push(`${name} has no effect: ${needless}.`)
  }
  return readValues(TRAIN_OPTIONS, given, where)
}

function isForeign(name: string): boolean {
  return Object.hasOwn(REFUSED_OPTIONS, name) || Object.hasOwn(NEEDLESS_OPTIONS, name)
}

/** sd-scripts' data set options, by the names that data set files have for them. */
const DATASET_NAMES: Readonly<Record<string, string>> = {
  resolution: "resolution",
  train_batch_size: "batch_size",
  enable_bucket: "enable_bucket",
  min_bucket_reso: "min_bucket_reso",
  max_bucket_reso: "max_bucket_reso",
  bucket_reso_steps: "bucket_reso_steps",
  bucket_no_upscale: "bucket_no_upscale",
  caption_extension: "caption_extension",
  caption_prefix: "caption_prefix",
  caption_suffix: "caption_suffix",
  resize_interpolation: "resize_interpolation",
}

function readDatasetOptions(
  values: OptionValues,
  get: Getters,
  notices: string[],
): Pick<TrainSettings, "datasetConfig" | "datasetOptions"> {
  const datasetConfig = get.text("dataset_config") ?? null
  const [images, controls] = [get.text("train_data_dir"), get.text("conditioning_data_dir")]
  const options: Record<string, unknown> = {}
  for (const [name, key] of Object.entries(DATASET_NAMES)) if (values[name] !== undefined) options[key] = values[name]
  const repeats = get.count("dataset_repeats")
  if (datasetConfig !== null) {
    if (repeats !== undefined) options.num_repeats = repeats
    for (const [name, value] of Object.entries({ train_data_dir: images, conditioning_data_dir: controls })) {
      if (value !== undefined) notices.push(`${name} has no effect: dataset_config is given.`)
    }
    return { datasetConfig, datasetOptions: options }
  }
  if (repeats !== undefined) {
    throw new UsageError("train: dataset_repeats is for dataset_config, and has no meaning for train_data_dir")
  }
  if (images === undefined || controls === undefined) {
    const missing = images === undefined ? "train_data_dir" : "conditioning_data_dir"
    throw new UsageError(
      `train: ${missing} is missing, expected train_data_dir and conditioning_data_dir, or dataset_config`,
    )
  }
  return { datasetConfig, datasetOptions: { ...options, image_dir: images, conditioning_data_dir: controls } }
}

function readRate(values: OptionValues, get: Getters): Pick<TrainSettings, "learningRate" | "lr"> {
  const learningRate = get.number("learning_rate") ?? 2e-4
  if (!(learningRate > 0)) throw new UsageError(`train: learning_rate is ${learningRate}, expected a number above 0`)
  const name = get.text("lr_scheduler") ?? "constant"
  const curve = LR_SCHEDULERS.find((each) => each === name) ?? "constant"
  const count = (option: string): StepCount | undefined => {
    const value = values[option] as StepCount | undefined
    return value !== undefined && "steps" in value && value.steps === 0 ? undefined : value
  }
  // One cycle and an exponent of 1 ask for nothing: they stand in many files whose curve has neither.
  const unlessOne = (value: number | undefined): number | undefined => (value === 1 ? undefined : value)
  const lr: LrSettings = {
    curve,
    ...optional("warmup", count("lr_warmup_steps")),
    ...optional("decay", count("lr_decay_steps")),
    ...optional("cycles", unlessOne(get.number("lr_scheduler_num_cycles"))),
    ...optional("power", unlessOne(get.number("lr_scheduler_power"))),
    ...optional("timescale", get.count("lr_scheduler_timescale")),
    ...optional("minRatio", get.number("lr_scheduler_min_lr_ratio")),
  }
  if (curve === "constant" && lr.warmup !== undefined) {
    throw new UsageError(
      'train: lr_scheduler "constant" has no warm-up. Use "constant_with_warmup", or leave out lr_warmup_steps.',
    )
  }
  return { learningRate, lr }
}

function readLoss(get: Getters): Pick<TrainSettings, "loss" | "huber" | "weights"> {
  const loss = (get.text("loss_type") ?? "l2") as LossType
  const schedule = (get.text("huber_schedule") ?? "snr") as HuberOptions["schedule"]
  const [delta, scale] = [get.number("huber_c"), get.number("huber_scale")]
  const isHuber = loss === "huber" || loss === "smooth_l1"
  if (!isHuber && (delta !== undefined || scale !== undefined || get.text("huber_schedule") !== undefined)) {
    throw new UsageError(`train: the huber options are for loss_type huber and smooth_l1, and loss_type is ${loss}`)
  }
  return {
    loss,
    huber: { schedule, ...optional("delta", delta), ...optional("scale", scale) },
    weights: {
      ...optional("minSnrGamma", get.number("min_snr_gamma")),
      ...optional("vPredictionLike", get.number("v_pred_like_loss")),
      ...(get.flag("debiased_estimation_loss") ? { debiased: true } : {}),
      ...(get.flag("scale_v_pred_loss_like_noise_pred") ? { scaleVLikeNoise: true } : {}),
    },
  }
}

interface Getters {
  text(name: string): string | undefined
  number(name: string): number | undefined
  integer(name: string): number | undefined
  /** A whole number of at least 1. */
  count(name: string): number | undefined
  flag(name: string): boolean
}

/** `readValues` has checked the kinds; what is left is to say them to the compiler. */
function getters(values: OptionValues): Getters {
  const number = (name: string): number | undefined => values[name] as number | undefined
  return {
    text: (name) => values[name] as string | undefined,
    number,
    integer: number,
    count: (name) => {
      const value = number(name)
      if (value !== undefined && value < 1) throw new UsageError(`train: ${name} is ${value}, expected at least 1`)
      return value
    },
    flag: (name) => values[name] === true,
  }
}

function onlyOne(value: string | undefined, only: string, name: string, reason: string): void {
  if (value === undefined || value.toLowerCase() === only) return
  throw new UsageError(`train: ${name} is "${value}", expected "${only}": ${reason}`)
}

function optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, T>>)
}
