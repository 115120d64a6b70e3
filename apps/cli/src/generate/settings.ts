import { randomInt } from "node:crypto"
import { readSeed } from "@lllite/core/names"
import type { AdapterInput, Recipe } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice } from "../model/runtime-options.ts"
import type { GENERATE_OPTIONS } from "./options.ts"

type GenerateTable = typeof GENERATE_OPTIONS
type GenerateReader = OptionReader<GenerateTable>

/** The checked settings of `generate`. */
export interface GenerateSettings extends Pick<Settings<GenerateTable>, "outdir"> {
  /** The recipe of the first picture. The others have the next seeds. */
  readonly recipe: Recipe
  readonly pictures: number
  /** Undefined: chosen from the free memory. */
  readonly vaeSlices: number | undefined
  readonly runtime: RuntimeChoice
  /** Options that have no effect here, one sentence each. */
  readonly notices: readonly string[]
}

/** Random seeds are short, so that they can be typed. */
const RANDOM_SEEDS = 2 ** 32

/** Checks options that depend on each other. The reader keeps the problems. */
export function checkGenerateOptions({ settings, check, nameOf }: GenerateReader): void {
  check(["seed", "imagesPerPrompt"], () =>
    readSeed(BigInt(settings.seed ?? 0) + BigInt(settings.imagesPerPrompt - 1)) === null
      ? `${nameOf("seed")} is ${settings.seed}, expected at most 2^64 - ${settings.imagesPerPrompt}: each picture has the next seed`
      : null,
  )
  const { controlNetLlliteModels: models, guideImagePath: guides } = settings
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
}

/**
 * Derives settings from several options.
 *
 * @throws UsageError with all problems of the reader
 */
export function readGenerateSettings(reader: GenerateReader): GenerateSettings {
  const values = reader.finish()
  const adapters = readAdapters(values)
  const { ckpt, W: width = ckpt === "tiny" ? 128 : 1024, H: height = width, prompt, steps, sampler } = values
  const { unet, vae, imagesPerPrompt: pictures } = values
  return {
    recipe: createRecipe({
      ...{ prompt, width, height, steps, sampler, adapters },
      negativePrompt: values.negativePrompt ?? "",
      seed: values.seed ?? randomInt(RANDOM_SEEDS - pictures),
      guidanceScale: values.scale,
      model: {
        checkpoint: { path: ckpt },
        ...(unet === undefined ? {} : { unet: { path: unet } }),
        ...(vae === undefined ? {} : { vae: { path: vae } }),
        prediction: values.vParameterization ? "v" : "epsilon",
      },
    }),
    pictures,
    vaeSlices: values.vaeSlices,
    outdir: values.outdir,
    runtime: runtimeChoice(values),
    notices: reader.notes,
  }
}

function readAdapters(settings: Settings<GenerateTable>): readonly AdapterInput[] {
  const { controlNetLlliteModels: models, guideImagePath: guides } = settings
  const { controlNetMultipliers: strengths, controlNetRatios: ends } = settings
  return models.map((path, i) => ({
    file: { path },
    control: { file: { path: guides[i] ?? "" }, fit: "stretch" },
    strength: strengths[i] ?? 1,
    window: { start: 0, end: ends[i] ?? 1 },
  }))
}
