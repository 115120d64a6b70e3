import type { LrOption, OptimizerChoice } from "@lllite/core/names"
import {
  hasOwnRate,
  LR_CURVE_OPTIONS,
  LR_CURVES,
  ownScheduleNotice,
  readCurveArguments,
  readSchedulerArguments,
} from "@lllite/core/names"
import type { LrCurveMovement, TorchScheduler } from "@lllite/core/training"
import type { OptionReader, SettingName, Settings, StepCount } from "@lllite/runtime-node/options"
import { argumentTexts } from "./optimizer-settings.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"
import { ADAFACTOR_SCHEDULE } from "./options/learning-rate.ts"

type TrainTable = typeof TRAIN_OPTIONS
type TrainReader = OptionReader<TrainTable>

/** How the learning rate changes. Shares of a run become steps when its length is known. */
export type LrSettings = CurveSettings | TorchScheduler

export interface CurveSettings extends Omit<LrCurveMovement, "warmupSteps" | "decaySteps"> {
  readonly warmup?: StepCount
  readonly decay?: StepCount
}

/** The learning rate of a run, and what has no effect on it. */
export interface RatePlan {
  readonly lr: LrSettings
  /** Factors on the rate, by the group of an adapter's part. Null: one rate for all. */
  readonly partRates: Readonly<Record<string, number>> | null
  readonly notices: readonly string[]
}

/** Each option of the learning rate's curve, by its name in core. */
const RATE_OPTIONS = {
  lrWarmupSteps: "warmupSteps",
  lrDecaySteps: "decaySteps",
  lrSchedulerNumCycles: "cycles",
  lrSchedulerPower: "power",
  lrSchedulerTimescale: "timescale",
  lrSchedulerMinLrRatio: "minRatio",
} as const satisfies Readonly<Partial<Record<SettingName<TrainTable>, LrOption>>>

type RateOption = keyof typeof RATE_OPTIONS

const RATE_NAMES = [
  "lrWarmupSteps",
  "lrDecaySteps",
  "lrSchedulerNumCycles",
  "lrSchedulerPower",
  "lrSchedulerTimescale",
  "lrSchedulerMinLrRatio",
] as const satisfies readonly RateOption[]

/** Options of one part's rate, with the parts' group in core. */
const PART_RATES = { conditionerLr: "conditioning1", downLr: "down", midLr: "mid", upLr: "up" } as const

/** Defaults of sd-scripts, which programs write into every file. They ask for nothing. */
const NEUTRAL: Readonly<Partial<Record<RateOption, unknown>>> = { lrSchedulerNumCycles: 1, lrSchedulerPower: 1 }

/** Whether sd-scripts gives the option to the curve. Its cosine has cycles by `lr_scheduler_args` alone. */
function follows(curve: TrainReader["settings"]["lrScheduler"], name: RateOption): boolean {
  if (curve === ADAFACTOR_SCHEDULE || (curve === "cosine" && name === "lrSchedulerNumCycles")) return false
  return LR_CURVE_OPTIONS[curve].includes(RATE_OPTIONS[name])
}

/**
 * Reads the options of the learning rate. The reader keeps the problems.
 *
 * @param followsCurve whether the optimizer takes a schedule
 */
export function readRate(reader: TrainReader, optimizer: OptimizerChoice, followsCurve: boolean): RatePlan {
  const { settings, check, nameOf } = reader
  const { lrScheduler, lrSchedulerType } = settings
  const isOwn = lrScheduler === ADAFACTOR_SCHEDULE
  check(["lrScheduler", "optimizerType", "optimizerArgs"], () =>
    isOwn && lrSchedulerType === undefined && !hasOwnRate(optimizer)
      ? `${nameOf("lrScheduler")} is ${ADAFACTOR_SCHEDULE}, which needs ${nameOf("optimizerType")} adafactor with relative steps. Take another of ${LR_CURVES.join(", ")}`
      : null,
  )
  const partRates = readPartRates(reader)
  if (!followsCurve) return { lr: { curve: LR_CURVES[0] }, partRates, notices: ownScheduleNotices(reader, optimizer) }
  if (lrSchedulerType !== undefined) return { ...readScheduler(reader, lrSchedulerType), partRates }
  const curve = isOwn ? LR_CURVES[0] : lrScheduler
  return {
    lr: { ...curveOptions(settings, curve), ...readArguments(reader, curve) },
    partRates,
    notices: unusedNotices(reader, RATE_NAMES, `${nameOf("lrScheduler")} is ${curve}`, curve),
  }
}

/** The curve's options. Those that it does not follow are left out: many files contain them. */
function curveOptions(settings: Settings<TrainTable>, curve: (typeof LR_CURVES)[number]): CurveSettings {
  const followed = <Name extends RateOption>(name: Name): Settings<TrainTable>[Name] | undefined =>
    follows(curve, name) ? settings[name] : undefined
  const [warmup, decay] = [followed("lrWarmupSteps"), followed("lrDecaySteps")]
  const [cycles, power] = [followed("lrSchedulerNumCycles"), followed("lrSchedulerPower")]
  const [timescale, minRatio] = [followed("lrSchedulerTimescale"), followed("lrSchedulerMinLrRatio")]
  return {
    curve,
    ...(warmup === undefined ? {} : { warmup }),
    ...(decay === undefined ? {} : { decay }),
    ...(cycles === undefined || cycles === 1 ? {} : { cycles }),
    ...(power === undefined || power === 1 ? {} : { power }),
    ...(timescale === undefined ? {} : { timescale }),
    ...(minRatio === undefined ? {} : { minRatio }),
  }
}

function readArguments({ settings, check, nameOf }: TrainReader, curve: (typeof LR_CURVES)[number]): object {
  const read = readCurveArguments(curve, settings.lrSchedulerArgs, settings.learningRate)
  check(["lrSchedulerArgs", "lrScheduler"], () =>
    "options" in read ? null : argumentTexts(nameOf("lrSchedulerArgs"), read.problems),
  )
  check(["lrSchedulerArgs", "lrSchedulerMinLrRatio"], () =>
    "options" in read && read.options.minRatio !== undefined && settings.lrSchedulerMinLrRatio !== undefined
      ? `${nameOf("lrSchedulerArgs")} has min_lr, and ${nameOf("lrSchedulerMinLrRatio")} says the same. Keep one of them`
      : null,
  )
  const options = "options" in read ? read.options : {}
  check(["lrScheduler"], () => {
    if (!("options" in read)) return null
    const lacking = lackingOf(curve, { minRatio: settings.lrSchedulerMinLrRatio, ...read.options }, nameOf)
    return lacking === null ? null : `${nameOf("lrScheduler")} is ${curve}, which needs ${lacking}. Give it`
  })
  return options
}

/** What a curve cannot do without, or null. */
function lackingOf(
  curve: (typeof LR_CURVES)[number],
  { minRatio, pieces }: { readonly minRatio?: number | undefined; readonly pieces?: unknown },
  nameOf: TrainReader["nameOf"],
): string | null {
  if (curve === "cosine_with_min_lr" && minRatio === undefined) {
    return `${nameOf("lrSchedulerMinLrRatio")}, or min_lr in ${nameOf("lrSchedulerArgs")}`
  }
  return curve === "piecewise_constant" && pieces === undefined
    ? `${nameOf("lrSchedulerArgs")} such as step_rules=1:100,0.1`
    : null
}

function readScheduler(reader: TrainReader, type: string): Pick<RatePlan, "lr" | "notices"> {
  const { settings, check, isGiven, nameOf } = reader
  const read = readSchedulerArguments(type, settings.lrSchedulerArgs)
  check(["lrSchedulerArgs", "lrSchedulerType"], () =>
    "scheduler" in read ? null : argumentTexts(nameOf("lrSchedulerArgs"), read.problems),
  )
  const because = `${nameOf("lrSchedulerType")} is ${type}`
  const notices = [...unusedNotices(reader, RATE_NAMES, because)]
  if (settings.lrScheduler !== LR_CURVES[0]) notices.push(`${nameOf("lrScheduler")} has no effect: ${because}.`)
  // Without a problem there is a scheduler. With one, nothing runs.
  if (!("scheduler" in read)) return { lr: { curve: LR_CURVES[0] }, notices }
  const { scheduler, ignored } = read
  if (ignored.length > 0) {
    notices.push(
      `${nameOf("lrSchedulerArgs")}: ${ignored.join(", ")} ${ignored.length === 1 ? "has" : "have"} no effect here.`,
    )
  }
  if ("maxLr" in scheduler && isGiven("learningRate")) {
    notices.push(`${nameOf("learningRate")} has no effect: ${because}, which has rates of its own.`)
  }
  return { lr: scheduler, notices }
}

/** Options that have no effect on a curve, or with `curve` undefined on any. A default asks for nothing. */
function unusedNotices(
  { settings, isGiven, nameOf }: TrainReader,
  names: readonly RateOption[],
  because: string,
  curve?: (typeof LR_CURVES)[number],
): readonly string[] {
  return names
    .filter(
      (name) => isGiven(name) && settings[name] !== NEUTRAL[name] && !(curve !== undefined && follows(curve, name)),
    )
    .map((name) => `${nameOf(name)} has no effect: ${because}.`)
}

function ownScheduleNotices({ settings, isGiven, nameOf }: TrainReader, optimizer: OptimizerChoice): readonly string[] {
  const said: SettingName<TrainTable>[] = [
    ...(settings.lrScheduler === LR_CURVES[0] || settings.lrScheduler === ADAFACTOR_SCHEDULE
      ? []
      : ["lrScheduler" as const]),
    ...(settings.lrSchedulerType === undefined ? [] : ["lrSchedulerType" as const]),
    ...(settings.lrSchedulerArgs.length === 0 ? [] : ["lrSchedulerArgs" as const]),
    ...RATE_NAMES.filter((name) => isGiven(name) && settings[name] !== NEUTRAL[name]),
  ]
  return said.map((option) => ownScheduleNotice(nameOf(option), optimizer))
}

/** Each part's rate as a factor on the rate of all. */
function readPartRates({ settings }: TrainReader): Readonly<Record<string, number>> | null {
  const given = Object.entries(PART_RATES).flatMap(([option, group]) => {
    const rate = settings[option as keyof typeof PART_RATES]
    return rate === undefined || rate === settings.learningRate ? [] : [[group, rate / settings.learningRate] as const]
  })
  return given.length === 0 ? null : Object.fromEntries(given)
}
