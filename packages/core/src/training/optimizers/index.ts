import { CoreError } from "../../errors.ts"
import { ADAMW } from "./adamw.ts"
import type { Optimizer, OptimizerNumbers, OptimizerRule, OptimizerState } from "./optimizer.ts"
import { numbersOf } from "./optimizer.ts"

/** All optimisers, by the names of sd-scripts' `optimizer_type` in lower case. */
export const OPTIMIZERS = { adamw: ADAMW } as const

export type OptimizerName = keyof typeof OPTIMIZERS

/** An optimiser by name, with the options that differ from its defaults. */
export type OptimizerChoice = {
  [N in OptimizerName]: { readonly name: N } & Partial<OptimizerNumbers<(typeof OPTIMIZERS)[N]["options"]>>
}[OptimizerName]

/** The default optimiser. */
export const DEFAULT_OPTIMIZER: OptimizerChoice = { name: "adamw" }

/** Creates an optimiser from a state, for example on a device; see `OptimizerRule.load`. */
export type LoadOptimizer = (
  values: Float32Array,
  state: OptimizerState,
  choice: OptimizerChoice,
) => Optimizer | Promise<Optimizer>

/** The state of an optimiser before the first update of `length` values. @throws CoreError for an unknown name */
export function initOptimizer({ name }: OptimizerChoice, length: number): OptimizerState {
  return ruleOf(name).init(length)
}

/**
 * Creates an optimiser on the calling thread. It changes the arrays of `values` and of the state from now on.
 *
 * @throws CoreError for an unknown name or option, a number out of its range, or a state that does not fit
 */
export const loadOptimizer = (values: Float32Array, state: OptimizerState, choice: OptimizerChoice): Optimizer => {
  const { rule, numbers } = chosen(choice)
  return rule.load(values, state, numbers)
}

/** Checks a choice. @throws CoreError for an unknown name or option, or a number out of its range */
export function checkOptimizer(choice: OptimizerChoice): void {
  chosen(choice)
}

function chosen({ name, ...options }: OptimizerChoice): {
  readonly rule: OptimizerRule
  readonly numbers: Readonly<Record<string, number>>
} {
  const rule = ruleOf(name)
  return { rule, numbers: numbersOf(rule, options) }
}

function ruleOf(name: OptimizerName): OptimizerRule {
  if (Object.hasOwn(OPTIMIZERS, name)) return OPTIMIZERS[name]
  throw new CoreError(
    "option-unknown",
    `optimizer: there is no "${String(name)}". There are: ${Object.keys(OPTIMIZERS).join(", ")}.`,
  )
}
