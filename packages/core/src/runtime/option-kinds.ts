import { checkArgument, type OptionKinds } from "../argument.ts"
import { ADAPTER_KINDS, CONTROL_NET_KINDS, GENERATE_KINDS, LORA_KINDS } from "../generation/option-kinds.ts"
import type { TrainDataset } from "../training/dataset.ts"
import type {
  AdapterHandleUse,
  CacheRunOptions,
  ControlNetHandleUse,
  GenerateRunOptions,
  LoadOptions,
  LoadSdxlOptions,
  LoraHandleUse,
  TrainRunOptions,
  ValidationOptions,
} from "./contract.ts"

/*
 * The names of the options of a runtime's calls, and what each is. Names and ranges of values are checked where they
 * are used.
 */

export const LOAD_KINDS: OptionKinds<LoadOptions> = { signal: "an AbortSignal", onProgress: "a function" }

export const LOAD_SDXL_KINDS: OptionKinds<LoadSdxlOptions<object | string>> = {
  ...LOAD_KINDS,
  prediction: "text",
  projection: "text",
  unet: "anything",
  vae: "anything",
  loras: "a list",
}

const { pause: _, ...OF_PICTURES } = GENERATE_KINDS

export const GENERATE_RUN_KINDS: OptionKinds<GenerateRunOptions> = {
  ...OF_PICTURES,
  batchSize: "a number",
  previews: "true or false",
}

export const ADAPTER_USE_KINDS: OptionKinds<AdapterHandleUse> = {
  ...ADAPTER_KINDS,
  adapter: "anything",
  // A function cannot be sent to a worker.
  strength: "a number or a list",
}

export const CONTROL_NET_USE_KINDS: OptionKinds<ControlNetHandleUse> = {
  ...CONTROL_NET_KINDS,
  controlNet: "anything",
  strength: "a number",
}

export const LORA_USE_KINDS: OptionKinds<LoraHandleUse> = { ...LORA_KINDS, lora: "anything" }

/** What a training, a validation and the filling of stores read alike. */
const ENCODING_KINDS = {
  seed: "a number or a bigint",
  captionChunks: "a number",
  weightedCaptions: "true or false",
  vaeSlices: "a number",
} as const

export const CACHE_KINDS: OptionKinds<CacheRunOptions> = {
  ...ENCODING_KINDS,
  indices: "a list",
  signal: "an AbortSignal",
}

export const VALIDATION_KINDS: OptionKinds<ValidationOptions> = { ...ENCODING_KINDS, objective: "an object" }

export const TRAIN_KINDS: OptionKinds<TrainRunOptions> = {
  ...ENCODING_KINDS,
  steps: "a number",
  batchSize: "a number",
  accumulation: "a number",
  learningRate: "a number",
  lr: "an object",
  partRates: "an object",
  ema: "an object",
  optimizer: "an object",
  maxGradNorm: "a number",
  shards: "a number",
  reading: "anything",
  signal: "an AbortSignal",
  condDim: "a number",
  mlpDim: "a number",
  sharedTrunk: "true or false",
  condChannels: "a number",
  condInput: "text",
  sites: "a list",
  objective: "an object",
  initial: "an object",
  init: "text",
  siteLimit: "a number",
  keptBytes: "a number",
  stateEvery: "a number or a list",
  help: "an object",
  partPrecision: "text",
}

/** Checks a data set. @throws CoreError for anything else, such as a promise of one or a path */
export function checkDataset(place: string, dataset: TrainDataset): void {
  checkArgument(`${place}: the data set`, dataset, "an object")
  checkArgument(`${place}: the data set's count`, dataset.count, "a number")
  checkArgument(`${place}: the data set's example`, dataset.example, "a function")
}
