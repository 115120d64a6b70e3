import type { OptionKinds } from "../argument.ts"
import type { AdapterSettings } from "./adapter-settings.ts"
import type { AdapterUse } from "./adapters.ts"
import type { ControlNetUse } from "./control-nets.ts"
import type { LoraRun } from "./loras.ts"

/*
 * The names of the options of a picture, and what each is. Names and ranges of values are checked where they are used.
 */

/** Of `PictureRequest`. */
export const REQUEST_KINDS = {
  prompt: "text",
  negativePrompt: "text",
  firstPrompt: "text",
  firstNegativePrompt: "text",
  seed: "a number or a bigint",
  batch: "an object or null",
} as const

/** Of `GenerateOptions`. */
export const GENERATE_KINDS = {
  width: "a number",
  height: "a number",
  steps: "a number",
  guidanceScale: "a number",
  guidanceRescale: "a number",
  negativeScale: "a number or null",
  guidanceWindow: "an object",
  zeroTerminalSnr: "true or false or null",
  sampler: "text",
  spacing: "text",
  spacingOptions: "an object",
  samplerOptions: "an object",
  prompts: "an object",
  adapters: "a list",
  textualInversions: "a list",
  controlNets: "a list",
  loras: "a list",
  regions: "a list or null",
  parts: "a list or null",
  negativeParts: "a list or null",
  combine: "text",
  measureAdapters: "true or false",
  size: "an object",
  negativeSize: "an object",
  noise: "text",
  startNoise: "an object or null",
  start: "an object or null",
  hires: "an object or null",
  firstStage: "true or false",
  deepShrink: "an object or null",
  deepCache: "an object or null",
  gradualLatent: "an object or null",
  tiles: "an object or null",
  vaeSlices: "a number",
  vaeTiles: "an object or null",
  strict: "true or false",
  signal: "an AbortSignal",
  pause: "a function",
} as const

const WINDOW_KINDS = {
  start: "a number",
  end: "a number",
  ease: "a number",
  windowBy: "text",
  curve: "a list",
} as const

/** What an adapter and a ControlNet have in common. */
const CONTROL_KINDS = {
  ...WINDOW_KINDS,
  control: "anything",
  fit: "text",
  preprocess: "an object",
  strength: "anything",
  cond: "a number",
  uncond: "a number",
  mask: "anything",
  maskFeather: "a number",
} as const

export const ADAPTER_KINDS: OptionKinds<Omit<AdapterUse, "lllite"> & AdapterSettings> = {
  ...CONTROL_KINDS,
  blocks: "an object",
  hole: "anything",
}

export const CONTROL_NET_KINDS: OptionKinds<Omit<ControlNetUse, "controlNet">> = {
  ...CONTROL_KINDS,
  guessMode: "true or false",
  controlType: "text",
}

export const LORA_KINDS: OptionKinds<Omit<LoraRun, "lora">> = {
  strength: "a number",
  textStrength: "a number",
  blocks: "an object",
}
