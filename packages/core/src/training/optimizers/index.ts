import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { ValuePart } from "../value-part.ts"
import { ADAM, ADAMW } from "./adam.ts"
import { D_ADAPT_ADAGRAD } from "./dadaptation/adagrad.ts"
import { D_ADAPT_ADAM, D_ADAPTATION } from "./dadaptation/adam.ts"
import { D_ADAPT_ADAN, D_ADAPT_ADAN_IP } from "./dadaptation/adan.ts"
import { D_ADAPT_LION } from "./dadaptation/lion.ts"
import { D_ADAPT_SGD } from "./dadaptation/sgd.ts"
import { ADAMW_8BIT } from "./eight-bit/adamw8bit.ts"
import { LION_8BIT } from "./eight-bit/lion8bit.ts"
import { SGD_8BIT } from "./eight-bit/sgd8bit.ts"
import { ADAFACTOR } from "./factored/adafactor.ts"
import { CAME } from "./factored/came.ts"
import { TORCH_ADAFACTOR } from "./factored/torch-adafactor.ts"
import { LION } from "./lion.ts"
import type { Optimizer, OptimizerState } from "./optimizer.ts"
import type { OptimizerSettings } from "./options.ts"
import { settingsOf } from "./options.ts"
import { PRODIGY } from "./prodigy.ts"
import type { OptimizerRule } from "./rule.ts"
import { loadRule, momentumOption } from "./rule.ts"
import { ADAMW_SCHEDULE_FREE } from "./schedule-free/adamw.ts"
import { RADAM_SCHEDULE_FREE } from "./schedule-free/radam.ts"
import { SGD_SCHEDULE_FREE } from "./schedule-free/sgd.ts"
import { SGD } from "./sgd.ts"
import { ADADELTA } from "./torch/adadelta.ts"
import { ADAGRAD } from "./torch/adagrad.ts"
import { ADAMAX } from "./torch/adamax.ts"
import { ASGD } from "./torch/asgd.ts"
import { NADAM } from "./torch/nadam.ts"
import { RADAM } from "./torch/radam.ts"
import { RMSPROP } from "./torch/rmsprop.ts"

/** All optimisers, by the names of sd-scripts' `optimizer_type` in lower case. */
export const OPTIMIZERS = {
  adamw: ADAMW,
  adamw8bit: ADAMW_8BIT,
  lion: LION,
  lion8bit: LION_8BIT,
  prodigy: PRODIGY,
  adafactor: ADAFACTOR,
  came: CAME,
  adamwschedulefree: ADAMW_SCHEDULE_FREE,
  radamschedulefree: RADAM_SCHEDULE_FREE,
  sgdschedulefree: SGD_SCHEDULE_FREE,
  dadaptation: D_ADAPTATION,
  dadaptadam: D_ADAPT_ADAM,
  dadaptlion: D_ADAPT_LION,
  dadaptadagrad: D_ADAPT_ADAGRAD,
  dadaptadan: D_ADAPT_ADAN,
  dadaptadanip: D_ADAPT_ADAN_IP,
  dadaptsgd: D_ADAPT_SGD,
  sgd: SGD,
  sgdnesterov8bit: SGD_8BIT,
  adam: ADAM,
  nadam: NADAM,
  radam: RADAM,
  adamax: ADAMAX,
  rmsprop: RMSPROP,
  adagrad: ADAGRAD,
  adadelta: ADADELTA,
  asgd: ASGD,
  "torch.optim.adafactor": TORCH_ADAFACTOR,
} as const

export type OptimizerName = keyof typeof OPTIMIZERS

/** An optimiser by name, with the options that differ from its defaults. */
export type OptimizerChoice = {
  [N in OptimizerName]: { readonly name: N } & Partial<OptimizerSettings<(typeof OPTIMIZERS)[N]["options"]>>
}[OptimizerName]

/** The default optimiser. */
export const DEFAULT_OPTIMIZER: OptimizerChoice = { name: "adamw" }

/**
 * Creates an optimiser from a state, for example on a device. It changes the arrays of `values` and of the state in
 * place from now on.
 *
 * @param parts the tensors of the values. Default: one list
 */
export type LoadOptimizer = (
  values: Float32Array,
  state: OptimizerState,
  choice: OptimizerChoice,
  parts?: readonly ValuePart[],
) => Optimizer | Promise<Optimizer>

/** The state of an optimiser before its first update. @throws CoreError for an unknown name */
export function initOptimizer(choice: Pick<OptimizerChoice, "name">): OptimizerState {
  checkArgument("optimizer", choice, "an object")
  const { name } = choice
  return { name: ruleOf(name).name, step: 0, tensors: {} }
}

/**
 * Creates an optimiser on the calling thread; see `LoadOptimizer`.
 *
 * @throws CoreError for an unknown name or option, a number out of its range, or a state that does not fit
 */
export const loadOptimizer = (
  values: Float32Array,
  state: OptimizerState,
  choice: OptimizerChoice,
  parts?: readonly ValuePart[],
): Optimizer => {
  const { rule, settings } = chosen(choice)
  checkArgument("optimizer: the values", values, "float32 values")
  const own = parts ?? [oneList(values)]
  checkArgument("optimizer: the parts", own, "a list")
  return loadRule(rule, { values, parts: own }, state, settings)
}

/**
 * A choice whose momentum a scheduler moves, with the momentum of one step. What it keeps follows from that.
 *
 * @throws CoreError when the optimiser has no momentum
 */
export function withMomentum(choice: OptimizerChoice, momentum: number | undefined): OptimizerChoice {
  if (momentum === undefined) return choice
  const option = momentumOption(ruleOf(choice.name))
  if (option !== null) return { ...choice, [option]: momentum }
  throw new CoreError(
    "option-conflict",
    `optimizer "${choice.name}": it has no momentum, which the scheduler of the learning rate moves. Set its cycleMomentum to false.`,
  )
}

/** Checks that parts of a model can have separate rates. @throws CoreError for an optimiser that has one rate */
export function checkPartRates({ name }: OptimizerChoice): void {
  if (ruleOf(name).hasOneRate !== true) return
  throw new CoreError(
    "option-conflict",
    `optimizer "${name}": its steps are not proportional to the rate, so parts have no rates of their own. Use adamw, for example.`,
  )
}

/** Checks that a run can average. @throws CoreError for an optimiser that has an average of its own */
export function checkNoAverage({ name }: OptimizerChoice): void {
  if (ruleOf(name).average === undefined) return
  throw new CoreError(
    "option-conflict",
    `optimizer "${name}": it finds an average itself, so the run takes no ema. Leave out one of them.`,
  )
}

/** Checks a choice. @throws CoreError for an unknown name or option, or a number out of its range */
export function checkOptimizer(choice: OptimizerChoice): void {
  checkArgument("optimizer", choice, "an object")
  chosen(choice)
}

function oneList({ length }: Float32Array): ValuePart {
  return { name: "values", group: "values", shape: [length], offset: 0, size: length }
}

function chosen(choice: OptimizerChoice): {
  readonly rule: OptimizerRule
  readonly settings: Readonly<Record<string, number>>
} {
  checkArgument("optimizer", choice, "an object")
  const { name, ...options } = choice
  const rule = ruleOf(name)
  return { rule, settings: settingsOf(rule, options) as Readonly<Record<string, number>> }
}

function ruleOf(name: OptimizerName): OptimizerRule {
  // Each rule reads its own options and lists, whose names the table's type has no word for.
  if (Object.hasOwn(OPTIMIZERS, name)) return OPTIMIZERS[name] as unknown as OptimizerRule
  throw new CoreError(
    "option-unknown",
    `optimizer: there is no "${String(name)}". There are: ${Object.keys(OPTIMIZERS).join(", ")}.`,
  )
}
