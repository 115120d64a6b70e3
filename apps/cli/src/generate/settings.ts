import { randomInt } from "node:crypto"
import type { Prediction } from "@lllite/core/diffusion"
import type { SdxlPaths } from "@lllite/runtime-node"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice, sdxlPaths } from "../model/runtime-options.ts"
import type { GENERATE_OPTIONS } from "./options.ts"

type GenerateTable = typeof GENERATE_OPTIONS
type GenerateReader = OptionReader<GenerateTable>

/** An LLLite and what it is given. */
export interface ControlUse {
  readonly lllite: string
  readonly guide: string
  readonly strength: number
  readonly end: number
}

/** All that `generate` does, checked: options as they were given, and what follows from them. */
export interface GenerateSettings extends Pick<Settings<GenerateTable>, "prompt" | "steps" | "sampler" | "outdir"> {
  readonly model: SdxlPaths
  /** Undefined where memory decides. */
  readonly vaeSlices: number | undefined
  readonly prediction: Prediction
  readonly negativePrompt: string
  readonly controls: readonly ControlUse[]
  readonly width: number
  readonly height: number
  readonly guidanceScale: number
  readonly seeds: readonly number[]
  readonly runtime: RuntimeChoice
  /** What was asked for and has no effect here, one sentence each. */
  readonly notices: readonly string[]
}

const LARGEST_SEED = 2 ** 32

/**
 * Checks options that depend on each other, and works out what follows from several.
 *
 * @throws UsageError with everything that is wrong
 */
export function readGenerateSettings(reader: GenerateReader): GenerateSettings {
  const { settings, check, nameOf } = reader
  check(["seed", "imagesPerPrompt"], () =>
    settings.seed !== undefined && settings.seed + settings.imagesPerPrompt > LARGEST_SEED
      ? `${nameOf("seed")} is ${settings.seed}, expected 0 to ${LARGEST_SEED - settings.imagesPerPrompt}`
      : null,
  )
  const controls = readControls(reader)
  const values = reader.finish()
  const { ckpt, W: width = ckpt === "tiny" ? 128 : 1024, H: height = width, prompt, steps, sampler, outdir } = values
  const { seed = randomInt(LARGEST_SEED - values.imagesPerPrompt) } = values
  return {
    model: sdxlPaths(ckpt, values),
    vaeSlices: values.vaeSlices,
    prediction: values.vParameterization ? "v" : "epsilon",
    prompt,
    negativePrompt: values.negativePrompt ?? "",
    controls,
    width,
    height,
    steps,
    guidanceScale: values.scale,
    sampler,
    seeds: Array.from({ length: values.imagesPerPrompt }, (_, i) => seed + i),
    outdir,
    runtime: runtimeChoice(values),
    notices: reader.notes,
  }
}

function readControls({ settings, check, nameOf }: GenerateReader): readonly ControlUse[] {
  const { controlNetLlliteModels: models, guideImagePath: guides } = settings
  const { controlNetMultipliers: strengths, controlNetRatios: ends } = settings
  check(["guideImagePath", "controlNetLlliteModels"], () =>
    models.length > 0 && guides.length === 0
      ? `${nameOf("guideImagePath")} is missing, expected one control picture for each LLLite`
      : null,
  )
  for (const name of ["guideImagePath", "controlNetMultipliers", "controlNetRatios"] as const) {
    check([name, "controlNetLlliteModels"], () => {
      const { length } = settings[name]
      if (length === 0 || length === models.length) return null
      return `${nameOf(name)} has ${length} ${length === 1 ? "entry" : "entries"} and ${nameOf("controlNetLlliteModels")} ${models.length}, expected one for each LLLite`
    })
  }
  return models.map((lllite, i) => ({
    lllite,
    guide: guides[i] ?? "",
    strength: strengths[i] ?? 1,
    end: ends[i] ?? 1,
  }))
}
