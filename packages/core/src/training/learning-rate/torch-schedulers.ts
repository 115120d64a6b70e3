import { CoreError } from "../../errors.ts"
import { listText } from "../../list-text.ts"
import type { NumberRange } from "../../number-range.ts"
import { checkRanges, isInRange } from "../../number-range.ts"

/*
 * The schedulers of PyTorch that are functions of the step alone. Those of Python functions (LambdaLR) and of a metric
 * (ReduceLROnPlateau) are not here: sd-scripts' options cannot name the first and do not feed the second.
 */

/** An option of a scheduler. Without a default it is required. */
export type SchedulerOption =
  | (NumberRange & { readonly default?: number | null })
  | { readonly default: boolean }
  | { readonly default: string; readonly choices: readonly string[] }
  | { readonly list: NumberRange }

export type SchedulerOptions = Readonly<Record<string, SchedulerOption>>

type ValueOf<O extends SchedulerOption> = O extends { readonly list: NumberRange }
  ? readonly number[]
  : O extends { readonly choices: readonly (infer C)[] }
    ? C
    : O extends { readonly default: boolean }
      ? boolean
      : O extends { readonly default: null }
        ? number | null
        : number

/** A value for each option. */
export type SchedulerSettings<O extends SchedulerOptions> = { readonly [K in keyof O]: ValueOf<O[K]> }

/** The rate at a step, and for schedulers that move it the optimizer's momentum. */
export interface SchedulePoint {
  readonly rate: number
  /** Replaces `beta1` or `momentum` of the optimizer. Undefined: the optimizer's own. */
  readonly momentum?: number
}

/** A scheduler: its options, and its points. */
export interface SchedulerRule<O extends SchedulerOptions = SchedulerOptions> {
  readonly options: O
  /** Options by their names in Python, where these are not the same words with underscores. */
  readonly python?: Readonly<Record<string, keyof O & string>>
  /** Whether it starts from the learning rate. The others have rates among their options. */
  readonly followsRate: boolean
  /** The point of each step from 0. @throws CoreError when options contradict each other */
  points(settings: SchedulerSettings<O>, learningRate: number): (step: number) => SchedulePoint
}

function define<const O extends SchedulerOptions>(rule: SchedulerRule<O>): SchedulerRule<O> {
  return rule
}

const STEPS = { integer: true, min: 1, max: 10_000_000 } as const
const RATE = { min: 0, max: 1000 } as const
const SHARE = { min: 0, max: 1 } as const
const GAMMA = { min: 0, max: 1000 } as const
const MOMENTUM = { min: 0, below: 1 } as const
/** Steps over which a scheduler moves. PyTorch's default is 5. */
const ITERATIONS = { totalIters: { ...STEPS, default: 5 } } as const

const cosine = (from: number, to: number, share: number): number =>
  to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1)

const linear = (from: number, to: number, share: number): number => (to - from) * share + from

/**
 * All schedulers, by their names in PyTorch.
 *
 * Source: `torch/optim/lr_scheduler.py` of PyTorch 2.8, the closed forms. PyTorch multiplies step by step, which differs
 * in the last digits of float64.
 */
export const TORCH_SCHEDULERS = {
  StepLR: define({
    options: { stepSize: STEPS, gamma: { ...GAMMA, default: 0.1 } },
    followsRate: true,
    points:
      ({ stepSize, gamma }, base) =>
      (step) => ({ rate: base * gamma ** Math.floor(step / stepSize) }),
  }),

  MultiStepLR: define({
    options: { milestones: { list: { integer: true, min: 0, max: STEPS.max } }, gamma: { ...GAMMA, default: 0.1 } },
    followsRate: true,
    // A milestone at step 0 acts at once, as in the first call of PyTorch's.
    points:
      ({ milestones, gamma }, base) =>
      (step) => ({ rate: base * gamma ** milestones.filter((milestone) => milestone <= step).length }),
  }),

  ConstantLR: define({
    options: { factor: { above: 0, max: 1, default: 1 / 3 }, ...ITERATIONS },
    followsRate: true,
    points:
      ({ factor, totalIters }, base) =>
      (step) => ({ rate: step < totalIters ? base * factor : base }),
  }),

  LinearLR: define({
    options: {
      startFactor: { above: 0, max: 1, default: 1 / 3 },
      endFactor: { ...SHARE, default: 1 },
      ...ITERATIONS,
    },
    followsRate: true,
    points:
      ({ startFactor, endFactor, totalIters }, base) =>
      (step) => ({ rate: base * linear(startFactor, endFactor, Math.min(1, step / totalIters)) }),
  }),

  ExponentialLR: define({
    options: { gamma: GAMMA },
    followsRate: true,
    points:
      ({ gamma }, base) =>
      (step) => ({ rate: base * gamma ** step }),
  }),

  PolynomialLR: define({
    options: { ...ITERATIONS, power: { min: 0, max: 1000, default: 1 } },
    followsRate: true,
    points:
      ({ totalIters, power }, base) =>
      (step) => ({ rate: base * (1 - Math.min(1, step / totalIters)) ** power }),
  }),

  CosineAnnealingLR: define({
    options: { halfWave: STEPS, minRate: { ...RATE, default: 0 } },
    python: { T_max: "halfWave", eta_min: "minRate" },
    followsRate: true,
    points:
      ({ halfWave, minRate }, base) =>
      (step) => ({ rate: cosine(base, minRate, step / halfWave) }),
  }),

  CosineAnnealingWarmRestarts: define({
    options: {
      firstCycle: STEPS,
      growth: { ...STEPS, default: 1 },
      minRate: { ...RATE, default: 0 },
    },
    python: { T_0: "firstCycle", T_mult: "growth", eta_min: "minRate" },
    followsRate: true,
    points:
      ({ firstCycle, growth, minRate }, base) =>
      (step) => {
        let [at, length] = [step, firstCycle]
        if (growth === 1) at = step % firstCycle
        else {
          while (at >= length) {
            at -= length
            length *= growth
          }
        }
        return { rate: cosine(base, minRate, at / length) }
      },
  }),

  OneCycleLR: define({
    options: {
      maxLr: RATE,
      cycleSteps: { ...STEPS, default: null },
      epochs: { ...STEPS, default: null },
      stepsPerEpoch: { ...STEPS, default: null },
      pctStart: { ...SHARE, default: 0.3 },
      annealStrategy: { default: "cos", choices: ["cos", "linear"] },
      cycleMomentum: { default: true },
      baseMomentum: { ...MOMENTUM, default: 0.85 },
      maxMomentum: { ...MOMENTUM, default: 0.95 },
      divFactor: { above: 0, max: 1e9, default: 25 },
      finalDivFactor: { above: 0, max: 1e9, default: 1e4 },
      threePhase: { default: false },
    },
    python: { total_steps: "cycleSteps" },
    followsRate: false,
    points: oneCycle,
  }),

  CyclicLR: define({
    options: {
      baseLr: RATE,
      maxLr: RATE,
      stepSizeUp: { ...STEPS, default: 2000 },
      stepSizeDown: { ...STEPS, default: null },
      mode: { default: "triangular", choices: ["triangular", "triangular2", "exp_range"] },
      gamma: { ...GAMMA, default: 1 },
      cycleMomentum: { default: true },
      baseMomentum: { ...MOMENTUM, default: 0.8 },
      maxMomentum: { ...MOMENTUM, default: 0.9 },
    },
    followsRate: false,
    points({ baseLr, maxLr, stepSizeUp, stepSizeDown, mode, gamma, ...settings }) {
      const total = stepSizeUp + (stepSizeDown ?? stepSizeUp)
      const rising = stepSizeUp / total
      return (step) => {
        const cycle = Math.floor(1 + step / total)
        const x = 1 + step / total - cycle
        const height = x <= rising ? x / rising : (x - 1) / (rising - 1)
        const scale = mode === "triangular" ? 1 : mode === "triangular2" ? 1 / 2 ** (cycle - 1) : gamma ** step
        const momentum = settings.maxMomentum - (settings.maxMomentum - settings.baseMomentum) * height * scale
        return {
          rate: baseLr + (maxLr - baseLr) * height * scale,
          ...(settings.cycleMomentum ? { momentum } : {}),
        }
      }
    },
  }),
} as const

interface OneCycleSettings {
  readonly maxLr: number
  readonly cycleSteps: number | null
  readonly epochs: number | null
  readonly stepsPerEpoch: number | null
  readonly pctStart: number
  readonly annealStrategy: string
  readonly cycleMomentum: boolean
  readonly baseMomentum: number
  readonly maxMomentum: number
  readonly divFactor: number
  readonly finalDivFactor: number
  readonly threePhase: boolean
}

/**
 * Rises to `maxLr` and falls again. After its last step the rate holds. PyTorch goes one step further, where the rate
 * rises again or is below zero.
 */
function oneCycle(settings: OneCycleSettings): (step: number) => SchedulePoint {
  const { maxLr, pctStart, epochs, stepsPerEpoch, baseMomentum, maxMomentum } = settings
  const given = settings.cycleSteps ?? (epochs === null || stepsPerEpoch === null ? null : epochs * stepsPerEpoch)
  if (given === null) {
    throw new CoreError(
      "option-missing",
      "learning rate: OneCycleLR needs cycleSteps, or epochs and stepsPerEpoch. Give the length of the run.",
    )
  }
  const total = given
  const initial = maxLr / settings.divFactor
  const low = initial / settings.finalDivFactor
  const rise = { end: pctStart * total - 1, rates: [initial, maxLr], momenta: [maxMomentum, baseMomentum] } as const
  const phases = settings.threePhase
    ? [
        rise,
        { end: 2 * pctStart * total - 2, rates: [maxLr, initial], momenta: [baseMomentum, maxMomentum] } as const,
        { end: total - 1, rates: [initial, low], momenta: [maxMomentum, maxMomentum] } as const,
      ]
    : [rise, { end: total - 1, rates: [maxLr, low], momenta: [baseMomentum, maxMomentum] } as const]
  const anneal = settings.annealStrategy === "cos" ? cosine : linear
  const pointAt = (step: number): SchedulePoint => {
    let start = 0
    for (const [index, { end, rates, momenta }] of phases.entries()) {
      if (step <= end || index === phases.length - 1) {
        const share = (step - start) / (end - start)
        return {
          rate: anneal(rates[0], rates[1], share),
          ...(settings.cycleMomentum ? { momentum: anneal(momenta[0], momenta[1], share) } : {}),
        }
      }
      start = end
    }
    return { rate: low }
  }
  for (const step of [0, total - 1]) {
    if (Number.isFinite(pointAt(step).rate)) continue
    throw new CoreError(
      "option-conflict",
      `learning rate: OneCycleLR has a phase without steps, with pctStart ${pctStart} of ${total} steps. Change one of them.`,
    )
  }
  return (step) => pointAt(Math.min(step, total - 1))
}

export type TorchSchedulerName = keyof typeof TORCH_SCHEDULERS

/** Names of the options without a default. */
type RequiredNames<O extends SchedulerOptions> = {
  [K in keyof O]: O[K] extends { readonly default: unknown } ? never : K
}[keyof O]

/** A scheduler of PyTorch by name, with its required options and those that differ from its defaults. */
export type TorchScheduler = {
  [N in TorchSchedulerName]: { readonly scheduler: N } & Pick<
    SchedulerSettings<(typeof TORCH_SCHEDULERS)[N]["options"]>,
    RequiredNames<(typeof TORCH_SCHEDULERS)[N]["options"]>
  > &
    Partial<SchedulerSettings<(typeof TORCH_SCHEDULERS)[N]["options"]>>
}[TorchSchedulerName]

/**
 * The points of a scheduler of PyTorch.
 *
 * @param learningRate the optimizer's rate, from which most schedulers start
 * @throws CoreError for an unknown name or option, a value out of its range, or options that contradict each other
 */
export function torchPoints(
  { scheduler, ...values }: TorchScheduler,
  learningRate: number,
): (step: number) => SchedulePoint {
  const rule = schedulerRule(scheduler)
  const place = `learning rate, ${scheduler}`
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(rule.options, name)) continue
    throw new CoreError(
      "option-unknown",
      `${place}: no option "${name}". There are: ${Object.keys(rule.options).join(", ")}.`,
    )
  }
  const given: Readonly<Record<string, unknown>> = values
  const settings = Object.entries(rule.options).map(([name, option]) => [
    name,
    settingOf(place, name, option, given[name]),
  ])
  return rule.points(Object.fromEntries(settings) as SchedulerSettings<SchedulerOptions>, learningRate)
}

/** @throws CoreError for an unknown name */
export function schedulerRule(name: TorchSchedulerName): SchedulerRule {
  // Each rule reads its own options, whose names the table's type has no word for.
  if (Object.hasOwn(TORCH_SCHEDULERS, name)) return TORCH_SCHEDULERS[name] as unknown as SchedulerRule
  throw new CoreError(
    "option-unknown",
    `learning rate: no scheduler "${String(name)}". There are: ${Object.keys(TORCH_SCHEDULERS).join(", ")}.`,
  )
}

/** Whether a value is one of an option. */
export function fitsScheduler(option: SchedulerOption, value: unknown): boolean {
  if ("list" in option) {
    return Array.isArray(value) && value.length > 0 && value.every((item) => isInRange(item, option.list))
  }
  if ("choices" in option) return option.choices.some((choice) => choice === value)
  if (typeof option.default === "boolean") return typeof value === "boolean"
  const { default: usual, ...range } = option as NumberRange & { readonly default?: number | null }
  return (usual === null && value === null) || isInRange(value, range)
}

function settingOf(place: string, name: string, option: SchedulerOption, value: unknown): unknown {
  const usual = "default" in option ? option.default : undefined
  if (value === undefined) {
    if (usual !== undefined) return usual
    throw new CoreError("option-missing", `${place} needs ${name}. Give it.`)
  }
  if (fitsScheduler(option, value)) return value
  if ("list" in option) {
    for (const [index, item] of [value].flat().entries())
      checkRanges(`${place}, ${name}`, { [index]: item }, { [index]: option.list })
    throw new CoreError("option-range", `${place}: ${name} is empty, expected numbers`)
  }
  if ("choices" in option) {
    throw new CoreError(
      "option-unknown",
      `${place}: ${name} is "${String(value)}", expected ${listText(option.choices, "or")}`,
    )
  }
  if (typeof usual === "boolean") {
    throw new CoreError("option-range", `${place}: ${name} is ${String(value)}, expected true or false`)
  }
  checkRanges(place, { [name]: value }, { [name]: option as NumberRange })
  return value
}
