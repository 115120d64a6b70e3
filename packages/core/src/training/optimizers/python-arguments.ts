import { checkArgument } from "../../argument.ts"
import { listText } from "../../list-text.ts"
import type { NumberRange } from "../../number-range.ts"
import { isInRange, rangeText } from "../../number-range.ts"
import type { ArgumentProblem } from "../python/argument-problem.ts"
import { unknownArgument } from "../python/argument-problem.ts"
import { type Literal, pythonName, pythonText, readLiteral, splitArguments } from "../python/literals.ts"
import type { OptimizerChoice, OptimizerName } from "./index.ts"
import { DEFAULT_OPTIMIZER, OPTIMIZERS } from "./index.ts"
import type { OptimizerOption, OptimizerOptions } from "./options.ts"

/** An optimiser as `optimizer_type` and `optimizer_args` describe it, or all that is wrong with its arguments. */
export type OptimizerArguments =
  | {
      readonly optimizer: OptimizerChoice
      /** Names of arguments that change nothing here, such as `fused`. */
      readonly ignored: readonly string[]
    }
  | { readonly problems: readonly ArgumentProblem[] }

/** Arguments of Python's classes that choose how they compute, and not what. */
const NO_EFFECT: readonly string[] = [
  ...["foreach", "fused", "capturable", "differentiable", "log_every", "fsdp_in_use", "use_triton"],
  ...["is_paged", "percentile_clipping", "block_wise", "min_8bit_size", "maximize"],
]

/** The values with which an argument of `NO_EFFECT` asks for what happens anyway. Other arguments take any value. */
const ONLY: Readonly<Record<string, readonly Literal[]>> = {
  maximize: [false],
  percentile_clipping: [100],
  block_wise: [true],
  min_8bit_size: [4096],
}

/** Names of optimisers, beside their own, that differ in nothing or in defaults. */
const ALIASES: Readonly<Record<string, readonly [name: OptimizerName, defaults?: Readonly<Record<string, Literal>>]>> =
  {
    pagedadamw: ["adamw"],
    pagedadamw32bit: ["adamw"],
    pagedadamw8bit: ["adamw8bit"],
    pagedlion8bit: ["lion8bit"],
    sgdnesterov: ["sgd", { momentum: 0.9, nesterov: true }],
    sgd8bit: ["sgdnesterov8bit"],
    dadaptadampreprint: ["dadaptation"],
  }

/** Modules of Python that users write before the name of a class. */
const MODULES =
  /^(torch\.optim|bitsandbytes\.optim|bnb\.optim|lion_pytorch|prodigyopt|came_pytorch|pytorch_optimizer|schedulefree|dadaptation(\.experimental)?|transformers(\.optimization)?)\./

/** All names that `optimizer_type` takes, in lower case. Modules of Python may stand before them. */
export const OPTIMIZER_TYPES: readonly string[] = [
  ...Object.keys(OPTIMIZERS),
  ...Object.keys(ALIASES).filter((name) => !Object.hasOwn(OPTIMIZERS, name)),
]

/**
 * The name of the optimiser that an `optimizer_type` of sd-scripts means, or null. Upper and lower case are the same.
 * Modules of Python's classes may stand before it: `came_pytorch.CAME`.
 */
export function optimizerOfType(type: string): OptimizerName | null {
  checkArgument("training: the type of the optimizer", type, "text")
  return aliasOf(type)?.[0] ?? null
}

function aliasOf(type: string): (typeof ALIASES)[string] | null {
  const lower = type.toLowerCase()
  if (lower === "") return [DEFAULT_OPTIMIZER.name]
  for (const name of [lower, lower.replace(MODULES, "")]) {
    if (Object.hasOwn(ALIASES, name)) return ALIASES[name] ?? null
    if (Object.hasOwn(OPTIMIZERS, name)) return [name as OptimizerName]
  }
  return null
}

/**
 * Reads `optimizer_type` and `optimizer_args` of sd-scripts: `eps=1e-6`, `betas=0.9,0.99`, `decouple=True`. Values are
 * those of Python's `literal_eval`. All arguments may stand in one text.
 *
 * Source: sd-scripts `train_util.get_optimizer`.
 */
export function readOptimizerArguments(type: string, args: readonly string[]): OptimizerArguments {
  checkArgument("training: the type of the optimizer", type, "text")
  checkArgument("training: the arguments", args, "a list of texts")
  const alias = aliasOf(type)
  if (alias === null) return { problems: [{ part: type, expected: `one of ${OPTIMIZER_TYPES.join(", ")}` }] }
  const [name, defaults = {}] = alias
  const { options, python = {} } = OPTIMIZERS[name] as {
    readonly options: OptimizerOptions
    readonly python?: Readonly<Record<string, string | readonly string[]>>
  }
  const named = argumentsOf(options, python)
  const given: Record<string, Literal> = {}
  const ignored: string[] = []
  const problems: ArgumentProblem[] = []
  for (const { part, name: argument, text } of splitArguments(args)) {
    const value = readLiteral(text)
    const refuse = (expected: string): void => void problems.push({ part, expected })
    if (NO_EFFECT.includes(argument) && value !== undefined) {
      const only = Object.hasOwn(ONLY, argument) ? ONLY[argument] : undefined
      if (only === undefined || only.includes(value)) ignored.push(argument)
      else refuse(`${argument}=${listText(only.map(pythonText), "or")}`)
      continue
    }
    const targets = named.get(argument)
    if (targets === undefined) {
      refuse(unknownArgument(argument, [...named.keys()]))
      continue
    }
    const values = targets.length === 1 ? [value] : Array.isArray(value) ? value : []
    const found = targets.map((target) => options[target] as OptimizerOption)
    if (values.length !== targets.length || !found.every((option, i) => fits(option, values[i]))) {
      refuse(wanted(found))
      continue
    }
    if (targets.some((target) => Object.hasOwn(given, target))) refuse(`${argument} once`)
    for (const [i, target] of targets.entries()) given[target] = values[i] as Literal
  }
  if (problems.length > 0) return { problems }
  return { optimizer: { name, ...defaults, ...given } as OptimizerChoice, ignored }
}

/** Our options by the names of Python's arguments. */
function argumentsOf(
  options: OptimizerOptions,
  python: Readonly<Record<string, string | readonly string[]>>,
): ReadonlyMap<string, readonly string[]> {
  const named = new Map(Object.entries(python).map(([key, target]) => [key, [target].flat()] as const))
  const renamed = new Set([...named.values()].flat())
  for (const option of Object.keys(options)) {
    if (!renamed.has(option)) named.set(pythonName(option), [option])
  }
  return named
}

function fits({ default: usual, ...range }: OptimizerOption, value: unknown): boolean {
  if (typeof usual === "boolean") return typeof value === "boolean"
  return (usual === null && value === null) || isInRange(value, range)
}

function wanted(options: readonly OptimizerOption[]): string {
  const texts = options.map(({ default: usual, ...range }) => optionText(usual, range))
  const [first = ""] = texts
  if (texts.length === 1) return first
  return texts.every((text) => text === first)
    ? `${texts.length} values, each ${first}`
    : `${texts.length} values: ${texts.join(", ")}`
}

function optionText(usual: number | boolean | null, range: NumberRange): string {
  if (typeof usual === "boolean") return "True or False"
  return usual === null ? `${rangeText(range)}, or None` : rangeText(range)
}
