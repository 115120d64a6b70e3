import type { PromptLineOptions } from "@lllite/core"
import { CoreError } from "@lllite/core"
import { DEEP_SHRINK_RATIO, DEEP_SHRINK_TIMESTEP, GRADUAL_LATENT_DEFAULTS, START_DEFAULTS } from "@lllite/core/names"
import type { RecipeInput, StagesInput } from "@lllite/core/recipe"
import type { Settings } from "@lllite/runtime-node/options"
import { deepShrinkOf, readUnsharp, type STAGE_OPTIONS } from "./stage-options.ts"

type StageSettings = Settings<typeof STAGE_OPTIONS> & { readonly compat: string | undefined }

/** The stages of a picture as options give them. Its start picture comes later. */
export function stagesOf(settings: StageSettings): Omit<StagesInput, "start"> {
  const { highresFixScale: scale, strength = START_DEFAULTS.strength } = settings
  const { highresFixUpscaler, highresFixLatentsUpscaling, gradualLatentTimesteps: timestep } = settings
  const upscaler = highresFixUpscaler ?? (highresFixLatentsUpscaling ? "latents-bicubic" : undefined)
  return {
    hires:
      scale === undefined
        ? null
        : {
            ...{ scale, strength, steps: settings.highresFixSteps, control: !settings.highresFixDisableControlNet },
            ...startRule(settings),
            ...(upscaler === undefined ? {} : { upscaler }),
          },
    deepShrink: deepShrinkOf(settings),
    tiles: tilesOf(settings),
    gradualLatent:
      timestep === undefined
        ? null
        : {
            timestep,
            ratio: settings.gradualLatentRatio,
            ratioStep: settings.gradualLatentRatioStep,
            everySteps: settings.gradualLatentEveryNSteps,
            sNoise: settings.gradualLatentSNoise,
            unsharp: settings.gradualLatentUnsharpParams ?? null,
          },
  }
}

function tilesOf({ tile: size, tileOverlap: overlap }: StageSettings): Exclude<StagesInput["tiles"], undefined> {
  return size === undefined ? null : { size, ...(overlap === undefined ? {} : { overlap }) }
}

/** How a picture begins from a start picture, as options give it. */
export function startOf(
  settings: StageSettings,
): Pick<NonNullable<StagesInput["start"]>, "strength" | "compat" | "maskedContent"> {
  const { strength = START_DEFAULTS.strength, highresFixScale, highresFixStrength, maskedContent } = settings
  const own = highresFixScale === undefined ? strength : (highresFixStrength ?? strength)
  return { strength: own, ...startRule(settings), ...(maskedContent === undefined ? {} : { maskedContent }) }
}

function startRule({ compat, forceSchedulerZeroStepsOffset }: StageSettings): {
  readonly compat?: "sd-scripts"
  readonly stepsOffset?: 0
} {
  if (compat !== "sd-scripts") return {}
  return { compat, ...(forceSchedulerZeroStepsOffset ? { stepsOffset: 0 } : {}) }
}

/** The depth of Deep Shrink in a line that gives other numbers of it alone. Source: sd-scripts. */
const LINE_DEPTH = 3

/**
 * The stages of a picture whose line has options of its own.
 *
 * @param hasOwnFirst Whether the first stage of hires fix has a strength of its own
 * @throws CoreError for settings that cannot be read
 */
export function lineStages(
  base: Pick<RecipeInput, keyof StagesInput>,
  line: PromptLineOptions,
  hasOwnFirst: boolean,
): StagesInput {
  const { strength } = line
  const start = base.start ?? null
  const hires = base.hires ?? null
  const isWithout = start === null && hires === null
  if (strength !== undefined && isWithout) {
    throw new CoreError("option-conflict", "--t has no effect without a start picture or hires fix. Leave it out.")
  }
  const keepsFirst = hires !== null && hasOwnFirst
  return {
    start: start === null || strength === undefined || keepsFirst ? start : { ...start, strength },
    hires: hires === null || strength === undefined ? hires : { ...hires, strength },
    deepShrink: lineDeepShrink(base, line),
    gradualLatent: lineGradual(base, line),
  }
}

function lineDeepShrink({ deepShrink = null }: Pick<RecipeInput, "deepShrink">, line: PromptLineOptions) {
  const { dsDepth1, dsTimesteps1, dsDepth2, dsTimesteps2, dsRatio } = line
  if ([dsDepth1, dsTimesteps1, dsDepth2, dsTimesteps2, dsRatio].every((each) => each === undefined)) return deepShrink
  const [first, second] = deepShrink?.levels ?? []
  return deepShrinkOf({
    dsDepth1: dsDepth1 ?? first?.depth ?? LINE_DEPTH,
    dsTimesteps1: dsTimesteps1 ?? first?.timestep ?? DEEP_SHRINK_TIMESTEP,
    dsDepth2: dsDepth2 ?? second?.depth,
    dsTimesteps2: dsTimesteps2 ?? second?.timestep ?? DEEP_SHRINK_TIMESTEP,
    dsRatio: dsRatio ?? deepShrink?.ratio ?? DEEP_SHRINK_RATIO,
  })
}

function lineGradual({ gradualLatent = null }: Pick<RecipeInput, "gradualLatent">, line: PromptLineOptions) {
  const own = {
    timestep: line.gradualLatentTimesteps,
    ratio: line.gradualLatentRatio,
    ratioStep: line.gradualLatentRatioStep,
    everySteps: line.gradualLatentEveryNSteps,
    sNoise: line.gradualLatentSNoise,
  }
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined))
  const text = line.gradualLatentUnsharpParams
  if (text === undefined && Object.keys(given).length === 0) return gradualLatent
  const base = { ...GRADUAL_LATENT_DEFAULTS, ...gradualLatent }
  if (text === undefined) return { ...base, ...given }
  const reading = readUnsharp(text)
  if ("expected" in reading) throw new CoreError("option-range", `--glus is "${text}", expected ${reading.expected}`)
  return { ...base, ...given, unsharp: reading.value }
}
