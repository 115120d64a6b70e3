import { checkArgument } from "../../argument.ts"
import type { NumberRange } from "../../number-range.ts"
import { isInRange, rangeText } from "../../number-range.ts"
import type { LrCurve, LrShape } from "../names.ts"
import { LR_SHAPES } from "../names.ts"
import type { ArgumentProblem } from "../python/argument-problem.ts"
import { unknownArgument } from "../python/argument-problem.ts"
import type { Literal } from "../python/literals.ts"
import { pythonName, readLiteral, splitArguments } from "../python/literals.ts"
import { LR_PIECE_RANGES, LR_RANGES } from "../ranges.ts"
import type { LrCurveMovement, LrPiece } from "./curves.ts"
import type { SchedulerOption, TorchScheduler, TorchSchedulerName } from "./torch-schedulers.ts"
import { fitsScheduler, schedulerRule, TORCH_SCHEDULERS } from "./torch-schedulers.ts"

/** A scheduler as `lr_scheduler_type` and `lr_scheduler_args` describe it, or all that is wrong. */
export type SchedulerArguments =
  | {
      readonly scheduler: TorchScheduler
      /** Names of arguments that change nothing here. */
      readonly ignored: readonly string[]
    }
  | { readonly problems: readonly ArgumentProblem[] }

/** Options of a curve that sd-scripts takes as arguments. */
export type CurveArguments = Pick<LrCurveMovement, "cycles" | "endRate" | "minRatio" | "rise" | "fall" | "pieces">

/** Names that `lr_scheduler_type` takes. PyTorch's module may stand before them. */
export const TORCH_SCHEDULER_TYPES = Object.keys(TORCH_SCHEDULERS) as readonly TorchSchedulerName[]

/** Arguments that change nothing: the default of a first step, and what PyTorch has dropped. */
const NO_EFFECT: Readonly<Record<string, readonly (Literal | undefined)[] | null>> = {
  last_epoch: [-1],
  verbose: null,
  scale_mode: null,
  scale_fn: [null],
}

/** The scheduler that an `lr_scheduler_type` of sd-scripts means, or null. */
export function schedulerOfType(type: string): TorchSchedulerName | null {
  checkArgument("training: the type of the scheduler", type, "text")
  const name = type.replace(/^torch\.optim\.lr_scheduler\./, "")
  return TORCH_SCHEDULER_TYPES.find((known) => known === name) ?? null
}

/**
 * Reads `lr_scheduler_type` and `lr_scheduler_args` of sd-scripts: `T_max=1000`, `milestones=100,200`.
 *
 * Source: sd-scripts `train_util.get_scheduler_fix`.
 */
export function readSchedulerArguments(type: string, args: readonly string[]): SchedulerArguments {
  checkArgument("training: the arguments", args, "a list of texts")
  const name = schedulerOfType(type)
  if (name === null) return { problems: [{ part: type, expected: `one of ${TORCH_SCHEDULER_TYPES.join(", ")}` }] }
  const { options, python = {} } = schedulerRule(name)
  const renamed = new Set(Object.values(python))
  const named = new Map([
    ...Object.entries(python),
    ...Object.keys(options)
      .filter((option) => !renamed.has(option))
      .map((option) => [pythonName(option), option] as const),
  ])
  const given: Record<string, unknown> = {}
  const ignored: string[] = []
  const problems: ArgumentProblem[] = []
  for (const { part, name: argument, text } of splitArguments(args)) {
    const value = readLiteral(text)
    const refuse = (expected: string): void => void problems.push({ part, expected })
    const option = named.get(argument)
    if (option === undefined) {
      const only = Object.hasOwn(NO_EFFECT, argument) ? NO_EFFECT[argument] : undefined
      if (only === undefined) refuse(unknownArgument(argument, [...named.keys()]))
      else if (only !== null && !only.includes(value)) refuse(`no ${argument}`)
      else ignored.push(argument)
      continue
    }
    if (Object.hasOwn(given, option)) refuse(`${argument} once`)
    const found = options[option] as SchedulerOption
    const meant = "choices" in found ? (value ?? text.trim()) : "list" in found ? listOf(value) : value
    if (!fitsScheduler(found, meant)) refuse(wanted(found))
    given[option] = meant
  }
  for (const [argument, option] of named) {
    const found = options[option] as SchedulerOption
    // An argument that is not known may be this one.
    if (Object.hasOwn(given, option) || "default" in found || problems.length > 0) continue
    problems.push({ part: args.join(" "), expected: `${argument}=…, which ${name} needs` })
  }
  if (problems.length > 0) return { problems }
  return { scheduler: { scheduler: name, ...given } as TorchScheduler, ignored }
}

/** A single number is a list of one. */
function listOf(value: Literal | undefined): Literal | undefined {
  return typeof value === "number" ? [value] : value
}

function wanted(option: SchedulerOption): string {
  if ("list" in option) return `numbers separated by commas, each ${rangeText(option.list)}`
  if ("choices" in option) return `one of ${option.choices.join(", ")}`
  if (typeof option.default === "boolean") return "True or False"
  const { default: usual, ...range } = option as NumberRange & { readonly default?: number | null }
  return usual === null ? `${rangeText(range)}, or None` : rangeText(range)
}

/** How an argument of a curve is read: the options that it sets, or null for another value. */
interface CurveArgument {
  readonly expected: string
  read(value: Literal | undefined, text: string): CurveArguments | null
}

const shape = (option: "rise" | "fall"): CurveArgument => ({
  expected: `one of ${LR_SHAPES.join(", ")}`,
  read(value, text) {
    const found = LR_SHAPES.find((name): name is LrShape => name === (value ?? text.trim()))
    return found === undefined ? null : { [option]: found }
  },
})

/** Arguments of the curves that have some, by their names in transformers and diffusers. */
function argumentsOfCurve(curve: LrCurve, learningRate: number): Readonly<Record<string, CurveArgument>> {
  const number = (range: NumberRange, make: (value: number) => CurveArguments): CurveArgument => ({
    expected: rangeText(range),
    read: (value) => (typeof value === "number" && isInRange(value, range) ? make(value) : null),
  })
  switch (curve) {
    case "cosine":
      // Theirs are whole waves, and 0.5 is the default.
      return { num_cycles: number({ min: 0, max: LR_RANGES.cycles.max / 2 }, (value) => ({ cycles: 2 * value })) }
    case "polynomial":
      return { lr_end: number(LR_RANGES.endRate, (endRate) => ({ endRate })) }
    case "cosine_with_min_lr":
      return { min_lr: number({ min: 0, max: learningRate }, (value) => ({ minRatio: value / learningRate })) }
    case "warmup_stable_decay":
      return { warmup_type: shape("rise"), decay_type: shape("fall") }
    case "piecewise_constant":
      return {
        step_rules: {
          expected: 'factors with the steps at which they end, and a last factor, such as "1:100,0.1:200,0.01"',
          read: (value, text) => piecesOf(typeof value === "string" ? value : text),
        },
      }
    default:
      return {}
  }
}

/** Reads rules such as `1:100,0.1:200,0.01`. Source: diffusers `get_piecewise_constant_schedule`. */
function piecesOf(text: string): CurveArguments | null {
  const parts = text.trim().split(",")
  const pieces: LrPiece[] = []
  for (const [index, part] of parts.entries()) {
    const [factorText = "", untilText, ...more] = part.split(":")
    const [factor, until] = [readLiteral(factorText), untilText === undefined ? undefined : readLiteral(untilText)]
    if (typeof factor !== "number" || !isInRange(factor, LR_PIECE_RANGES.factor) || more.length > 0) return null
    if (index === parts.length - 1) {
      if (untilText !== undefined) return null
      pieces.push({ factor })
    } else {
      if (typeof until !== "number" || !isInRange(until, LR_PIECE_RANGES.until)) return null
      pieces.push({ factor, until })
    }
  }
  const ordered = [...pieces].sort(
    (a, b) => (a.until ?? Number.POSITIVE_INFINITY) - (b.until ?? Number.POSITIVE_INFINITY),
  )
  return { pieces: ordered }
}

/** Reads `lr_scheduler_args` for a curve of `lr_scheduler`. Source: sd-scripts `train_util.get_scheduler_fix`. */
export function readCurveArguments(
  curve: LrCurve,
  args: readonly string[],
  learningRate: number,
): { readonly options: CurveArguments } | { readonly problems: readonly ArgumentProblem[] } {
  checkArgument("training: the curve", curve, "text")
  checkArgument("training: the arguments", args, "a list of texts")
  checkArgument("training: the learning rate", learningRate, "a finite number")
  const known = argumentsOfCurve(curve, learningRate)
  let options: CurveArguments = {}
  const seen = new Set<string>()
  const problems: ArgumentProblem[] = []
  for (const { part, name, text } of splitArguments(args)) {
    const value = readLiteral(text)
    if (name === "last_epoch" && value === -1) continue
    const argument = Object.hasOwn(known, name) ? known[name] : undefined
    if (argument === undefined) {
      const names = Object.keys(known)
      const expected = names.length === 0 ? `no arguments: ${curve} has none` : unknownArgument(name, names)
      problems.push({ part, expected })
      continue
    }
    if (seen.has(name)) problems.push({ part, expected: `${name} once` })
    seen.add(name)
    const read = argument.read(value, text)
    if (read === null) problems.push({ part, expected: argument.expected })
    options = { ...options, ...read }
  }
  return problems.length > 0 ? { problems } : { options }
}
