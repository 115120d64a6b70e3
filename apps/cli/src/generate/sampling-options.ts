import type { NoiseName, Prediction, SamplerOptionInfo, SamplerOptionName, SamplingByName } from "@lllite/core/names"
import {
  GENERATE_DEFAULTS,
  GENERATE_RANGES,
  isInRange,
  rangeText,
  SAMPLER_NAMES,
  SAMPLER_OPTIONS,
  SPACING_NAMES,
  SPACING_RANGES,
  samplerInfo,
  samplingByName,
} from "@lllite/core/names"
import type { Recipe, RecipeInput } from "@lllite/core/recipe"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import { choice, flag, number, taken, texts } from "@lllite/runtime-node/options"

/** Sources of noise by the names that other programs have for them. */
const RNGS = {
  lllite: "lllite",
  cpu: "torch-cpu",
  cuda: "torch-cuda",
  gpu: "torch-cuda",
  nv: "torch-cuda",
  comfyui: "comfyui",
} as const satisfies Record<string, NoiseName>

type Rng = keyof typeof RNGS

const SAMPLER_RANGE = SAMPLER_NAMES.join(", ")

/** The sampler, its noise levels, its noise and guidance. */
export const SAMPLING_OPTIONS = {
  sampler: taken<string>(
    {
      ...{ arity: "one", valueName: "name", range: SAMPLER_RANGE, empty: "" },
      read: (raw) =>
        typeof raw === "string" && samplingByName(raw) !== null
          ? { value: raw }
          : { expected: `one of ${SAMPLER_RANGE}, or a name of ComfyUI or stable-diffusion-webui` },
    },
    {
      default: GENERATE_DEFAULTS.sampler,
      nothing: [""],
      help: 'Sampler: the method that turns noise into a picture. Names of ComfyUI and of stable-diffusion-webui are taken, too, such as uni_pc or "DPM++ 2M Karras".',
    },
  ),
  spacing: choice(SPACING_NAMES, {
    aliases: ["scheduler"],
    otherwise: "the sampler's",
    help: "Noise levels that the run visits.",
  }),
  eta: number({
    ...{ min: 0, max: 1 },
    otherwise: "the sampler's",
    help: "Share of fresh noise in a step, for samplers that add noise.",
  }),
  sampler_args: texts({
    help: `Options of the sampler, as NAME=VALUE: ${Object.keys(SAMPLER_OPTIONS).map(snakeCase).join(", ")}.`,
  }),
  spacing_args: texts({
    help: "Options of the spacing, as NAME=VALUE: sigma_min, sigma_max, rho, alpha, beta, discard_penultimate (0 or 1).",
  }),
  guidance_rescale: number({
    ...GENERATE_RANGES.guidanceRescale,
    default: GENERATE_DEFAULTS.guidanceRescale,
    help: "Share of the guidance that keeps the contrast of the picture without guidance. For v-prediction 0.7 is usual.",
  }),
  zero_terminal_snr: flag({
    help: "The noise schedule ends with noise alone. Without it, the schedule follows what the checkpoint says of itself.",
  }),
  rng: choice(Object.keys(RNGS) as readonly Rng[], {
    default: "lllite",
    help: "Source of noise for a seed: lllite, or PyTorch's on a cpu or on an NVIDIA card (cuda, gpu, nv), or as ComfyUI draws it on such a card (comfyui), for seeds of other programs.",
  }),
} as const

type SamplingReader = OptionReader<typeof SAMPLING_OPTIONS>
type SamplingSettings = Settings<typeof SAMPLING_OPTIONS>

/** Checks the options of the sampler and of the spacing. The reader keeps the problems. */
export function checkSampling({ settings, check, nameOf }: SamplingReader): void {
  const { sampler, samplerArgs, spacingArgs, eta } = settings
  const info = samplerInfo(byName(sampler).sampler)
  const takes = Object.keys(info?.options ?? {}).map(snakeCase)
  const what = takes.length === 0 ? "no options" : takes.join(", ")
  check(["eta", "sampler"], () =>
    eta === undefined || takes.includes("eta")
      ? null
      : `${nameOf("eta")} has no place in the sampler ${sampler}, which takes ${what}`,
  )
  check(["samplerArgs", "sampler"], () => {
    for (const text of samplerArgs) {
      const [name, value] = parted(text)
      if (!takes.includes(name)) return `${nameOf("samplerArgs")} has ${text}, expected options of ${sampler}: ${what}`
      const option: SamplerOptionInfo = SAMPLER_OPTIONS[camelCase(name) as SamplerOptionName]
      const isGood =
        "choices" in option ? option.choices.includes(value) : isNumber(value) && isInRange(Number(value), option)
      const expected = "choices" in option ? `one of ${option.choices.join(", ")}` : rangeText(option)
      if (!isGood) return `${nameOf("samplerArgs")} has ${text}, expected ${expected} after ${name}=`
    }
    return null
  })
  check(["spacingArgs"], () => {
    for (const text of spacingArgs) {
      const [name, value] = parted(text)
      if (name === "discard_penultimate") {
        if (value !== "0" && value !== "1")
          return `${nameOf("spacingArgs")} has ${text}, expected 0 or 1 after ${name}=`
        continue
      }
      const ranges: Readonly<Record<string, (typeof SPACING_RANGES)[keyof typeof SPACING_RANGES]>> = SPACING_RANGES
      const range = ranges[camelCase(name)]
      if (range === undefined) {
        return `${nameOf("spacingArgs")} has ${text}, expected ${Object.keys(SPACING_RANGES).map(snakeCase).join(", ")} or discard_penultimate with =VALUE`
      }
      if (!isNumber(value) || !isInRange(Number(value), range)) {
        return `${nameOf("spacingArgs")} has ${text}, expected ${rangeText(range)} after ${name}=`
      }
    }
    return null
  })
}

/** The fields of a recipe that the options decide. */
export function samplingOf(
  settings: SamplingSettings,
): Pick<
  RecipeInput,
  "sampler" | "spacing" | "samplerOptions" | "spacingOptions" | "guidanceRescale" | "zeroTerminalSnr" | "noise"
> {
  const { sampler, spacing, samplerOptions, spacingOptions } = byName(settings.sampler)
  const used = settings.spacing ?? spacing
  const { eta } = settings
  return {
    sampler,
    ...(used === undefined ? {} : { spacing: used }),
    samplerOptions: { ...samplerOptions, ...valuesOf(settings.samplerArgs), ...(eta === undefined ? {} : { eta }) },
    spacingOptions: { ...spacingOptions, ...valuesOf(settings.spacingArgs) },
    guidanceRescale: settings.guidanceRescale,
    zeroTerminalSnr: settings.zeroTerminalSnr ? true : null,
    noise: RNGS[settings.rng],
  }
}

/** What a recipe asks of a checkpoint that it may not be able to do, one sentence each. */
export function samplingNotices(
  { zeroTerminalSnr }: Pick<Recipe, "zeroTerminalSnr">,
  prediction: Prediction,
): readonly string[] {
  return zeroTerminalSnr === true && prediction !== "v"
    ? ["zero_terminal_snr begins with noise alone, from which a checkpoint that predicts noise learns nothing."]
    : []
}

/** A sampler by its name, which the option has checked. */
function byName(name: string): SamplingByName {
  return samplingByName(name) ?? { sampler: GENERATE_DEFAULTS.sampler, samplerOptions: {}, spacingOptions: {} }
}

function valuesOf(texts: readonly string[]): Readonly<Record<string, number | string | boolean>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name, value] = parted(text)
      return [camelCase(name), name === "discard_penultimate" ? value === "1" : isNumber(value) ? Number(value) : value]
    }),
  )
}

function parted(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=")
  return at < 0 ? [text, ""] : [text.slice(0, at).replaceAll("-", "_"), text.slice(at + 1)]
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text))
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}
