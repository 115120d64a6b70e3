import type { LlliteModel } from "@lllite/core/models"
import type { LrCurve, LrOption, NumberRange, OptimizerChoice, OptimizerName } from "@lllite/core/names"
import {
  ADAPTER_RANGES,
  followsCurve,
  hasOwnRate,
  LOSS_WEIGHT_RANGES,
  LR_CURVE_OPTIONS,
  LR_RANGES,
  OBJECTIVE_RANGES,
  readCurveArguments,
  TRAIN_RANGES,
} from "@lllite/core/names"
import { type Recipe, recipeSeed } from "@lllite/core/recipe"
import type { LrMovement, TrainState } from "@lllite/core/training"
import { checkTrainOptions, scaleEffect, trainedModel } from "@lllite/core/training"
import type { Site, UnetLayout } from "@lllite/format"
import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import type { TrainRunOptions } from "@lllite/runtime-web"
import type { Messages } from "../language/messages.ts"
import { problemOf, type Sentence } from "../language/sentence.ts"

/** A field for a number. The words of a language have its label and its hint. */
export interface NumberSetting {
  /** The range in core, which the command has, too. */
  readonly range: NumberRange
  /** A value that asks for nothing, beside the range. */
  readonly nothing?: number
  readonly default: number
}

/** Fields of every run. The defaults are near those of `lllite demo`. A real SDXL needs a tenth of this rate. */
export const RUN_NUMBERS = {
  steps: { range: TRAIN_RANGES.steps, default: 145 },
  batchSize: { range: TRAIN_RANGES.batchSize, default: 4 },
  learningRate: {
    range: { above: 0, max: TRAIN_RANGES.learningRate.max },
    default: 2e-3,
  },
} as const satisfies Readonly<Record<string, NumberSetting>>

/** Fields for those who know them. Noisy timesteps teach the places of edges. */
export const MORE_NUMBERS = {
  condDim: { range: ADAPTER_RANGES.condDim, default: 32 },
  mlpDim: { range: ADAPTER_RANGES.mlpDim, default: 64 },
  dropout: { range: OBJECTIVE_RANGES.dropout, default: 0 },
  minSnrGamma: {
    ...{ range: LOSS_WEIGHT_RANGES.minSnrGamma, nothing: 0, default: 0 },
  },
  minTimestep: { range: OBJECTIVE_RANGES.minTimestep, default: 400 },
  maxTimestep: { range: OBJECTIVE_RANGES.maxTimestep, default: 1000 },
} as const satisfies Readonly<Record<string, NumberSetting>>

/** Steps of the fall of the rate at the end, for a number of steps: a third. */
function fallOf(steps: number): number {
  return Math.floor(steps / 3)
}

/** Fields of the learning rate's schedule. Each schedule has some of them. */
export const CURVE_NUMBERS = {
  warmupSteps: { range: LR_RANGES.warmupSteps, default: 0 },
  decaySteps: { range: LR_RANGES.decaySteps, default: fallOf(145) },
  cycles: { range: LR_RANGES.cycles, default: 1 },
  power: { range: LR_RANGES.power, default: 1 },
  timescale: { range: LR_RANGES.timescale, default: 100 },
  minRatio: { range: LR_RANGES.minRatio, default: 0.1 },
  endRate: { range: LR_RANGES.endRate, default: 1e-7 },
} as const satisfies Readonly<Partial<Record<LrOption, NumberSetting>>>

/** Steps between two samples. */
export const SAMPLE_EVERY: NumberSetting = {
  ...{ range: { ...TRAIN_RANGES.steps }, nothing: 0, default: 20 },
}

/** The fields for numbers. */
export type NumberName = keyof typeof NUMBERS | "sampleEvery"

const NUMBERS = { ...RUN_NUMBERS, ...MORE_NUMBERS, ...CURVE_NUMBERS }

/**
 * What strengths of the LLLite do. `range`: they follow the control by degrees. `one`: strength 1 alone is trained, as
 * sd-scripts does, and lower strengths often have no effect, or the whole.
 */
export const STRENGTHS = ["range", "one"] as const
export type Strengths = (typeof STRENGTHS)[number]

/**
 * What makes strengths from 0 to 1 a range, as in `lllite demo`. `docs/measurements/tiny-model.md` has the figures.
 */
const RANGE = {
  /** The attentions and the feed-forward layers of the upper depth. */
  sites: /(input_blocks_[45]|output_blocks_[345])_.*(attn1_to_(q|k|v|out_0)|attn2_to_(q|out_0)|ff_net_(0_proj|2))$/,
  siteLimit: 0.6,
  strengthRange: { min: 0.2, floor: 0.39, top: 0.6, power: 2 },
  adamw: { epsilon: 3e-7, weightDecay: 1 },
  /** The factor on the trained effect, so that strength 1 follows nearly all edges. */
  effect: 1.5,
} as const

/** Settings of a run, as the form has them. They are kept with the run. */
export interface TrainSettings extends Readonly<Record<keyof typeof NUMBERS, number>> {
  /** A seed over 2^53 is a text. */
  readonly seed: Recipe["seed"]
  readonly optimizer: OptimizerName
  readonly curve: LrCurve
  /** The pieces of `piecewise_constant`: `1:100,0.1`. */
  readonly pieces: string
  readonly init: "normalised" | "default"
  readonly strengths: Strengths
  readonly sampleEvery: number
}

export const DEFAULT_SETTINGS: TrainSettings = {
  ...(Object.fromEntries(Object.entries(NUMBERS).map(([name, { default: usual }]) => [name, usual])) as Record<
    keyof typeof NUMBERS,
    number
  >),
  ...{ seed: 1, optimizer: "adamw", curve: "warmup_stable_decay", pieces: "1:100,0.1", init: "normalised" },
  strengths: "range",
  sampleEvery: SAMPLE_EVERY.default,
}

/** Another number of steps. The fall of the rate at the end stays a third of them, if it is one. */
export function withSteps(settings: TrainSettings, steps: number): TrainSettings {
  const isThird = settings.decaySteps === fallOf(settings.steps)
  return { ...settings, steps, ...(isThird ? { decaySteps: fallOf(steps) } : {}) }
}

/** Whether the learning rate has an effect. Adafactor finds its own. */
export function hasRate({ optimizer: name }: Pick<TrainSettings, "optimizer">): boolean {
  return !hasOwnRate({ name } as OptimizerChoice)
}

/** Whether the schedule has an effect. Some optimisers have their own. */
export function hasSchedule({ optimizer: name }: Pick<TrainSettings, "optimizer">): boolean {
  return followsCurve({ name } as OptimizerChoice)
}

/** The fields of the learning rate's schedule that have an effect. */
export function curveFields(settings: TrainSettings): readonly (keyof typeof CURVE_NUMBERS)[] {
  const { curve } = settings
  if (!hasSchedule(settings)) return []
  const followed: readonly LrOption[] = LR_CURVE_OPTIONS[curve]
  return (Object.keys(CURVE_NUMBERS) as (keyof typeof CURVE_NUMBERS)[]).filter((name) => followed.includes(name))
}

/** Whether the pieces of a schedule are right. A schedule without pieces has none that are wrong. */
export function hasRightPieces(settings: TrainSettings): boolean {
  return settings.curve !== "piecewise_constant" || "options" in readPieces(settings)
}

/** What the pieces of a schedule have to be, in core's words. */
export function piecesExpected(settings: TrainSettings): string {
  const read = readPieces({ ...settings, pieces: "" })
  return "options" in read ? "" : read.problems.map(({ expected }) => expected).join("; ")
}

/** The sites of a run. */
export function trainSites({ strengths }: Pick<TrainSettings, "strengths">, layout: UnetLayout): readonly Site[] {
  if (strengths === "one") return enumerateSites(layout)
  return enumerateSites(layout, NAMED_SELECTIONS.transformerAllOutputBlocks).filter(({ key }) => RANGE.sites.test(key))
}

/** The LLLite of a run, as it is judged, drawn with and saved. */
export function resultOf({ strengths }: Pick<TrainSettings, "strengths">, state: TrainState): LlliteModel {
  return trainedModel(strengths === "range" ? scaleEffect(state, RANGE.effect) : state)
}

/** The options of a run. @throws CoreError that names what is wrong */
export function trainOptions(
  settings: TrainSettings,
): Omit<TrainRunOptions, "sites" | "signal" | "initial" | "stateEvery"> {
  const { steps, batchSize, learningRate, seed, optimizer, condDim, mlpDim, init } = settings
  const { dropout, minSnrGamma, minTimestep, maxTimestep } = settings
  const isRange = settings.strengths === "range"
  const options = {
    ...{ steps, batchSize, learningRate, condDim, mlpDim, init, seed: recipeSeed({ seed }) },
    // Each optimiser has defaults for all of its options.
    optimizer: { name: optimizer, ...(isRange && optimizer === "adamw" ? RANGE.adamw : {}) } as OptimizerChoice,
    ...(isRange ? { siteLimit: RANGE.siteLimit } : {}),
    lr: movementOf(settings),
    objective: {
      ...{ minTimestep, maxTimestep, dropout },
      ...(isRange ? { strengthRange: RANGE.strengthRange } : {}),
      ...(minSnrGamma === 0 ? {} : { weights: { minSnrGamma } }),
    },
  }
  checkTrainOptions(options)
  return options
}

/** What is wrong with settings that are right one by one. Null: nothing is. */
export function settingsProblem(settings: TrainSettings): Sentence | null {
  try {
    trainOptions(settings)
    return null
  } catch (error) {
    return problemOf(error)
  }
}

/** What the settings do not do as they look, one sentence each. Fields without an effect are not shown. */
export function settingsNotices(
  { optimizer, learningRate }: TrainSettings,
  words: Messages["train"],
): readonly string[] {
  return hasRate({ optimizer }) ? words.optimizerNotes({ name: optimizer } as OptimizerChoice, learningRate) : []
}

/** Why fields of the learning rate are not shown. Null: all are. */
export function missingFields(
  { optimizer }: Pick<TrainSettings, "optimizer">,
  words: Messages["train"],
): string | null {
  const choice = { name: optimizer } as OptimizerChoice
  if (!hasRate({ optimizer })) return words.ownRate(choice)
  return hasSchedule({ optimizer }) ? null : words.ownSchedule(choice)
}

function movementOf(settings: TrainSettings): LrMovement {
  const { curve } = settings
  if (!hasSchedule(settings)) return { curve: "constant" }
  const numbers = Object.fromEntries(curveFields(settings).map((name) => [name, settings[name]]))
  const read = curve === "piecewise_constant" ? readPieces(settings) : { options: {} }
  return { curve, ...numbers, ...("options" in read ? read.options : {}) }
}

function readPieces({ pieces, learningRate }: TrainSettings) {
  return readCurveArguments("piecewise_constant", [`step_rules=${pieces.replaceAll(/\s/g, "")}`], learningRate)
}
