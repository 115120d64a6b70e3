import { CoreError } from "../../errors.ts"
import { ADAMW } from "./adamw.ts"
import type { Optimizer, OptimizerNumbers, OptimizerRule, OptimizerState } from "./optimizer.ts"
import { numbersOf } from "./optimizer.ts"

/** All optimisers there are, by the names of sd-scripts' `--optimizer_type` in small letters. */
export const OPTIMIZERS = { adamw: ADAMW } as const

export type OptimizerName = keyof typeof OPTIMIZERS

/** An optimiser by name, with what differs from its defaults. */
export type OptimizerChoice = {
  [N in OptimizerName]: { readonly name: N } & Partial<OptimizerNumbers<(typeof OPTIMIZERS)[N]["options"]>>
}[OptimizerName]

/** What trains where nothing else is asked for. */
export const DEFAULT_OPTIMIZER: OptimizerChoice = { name: "adamw" }

/** Puts an optimiser to work where there is room for it; see `OptimizerRule.load`. */
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
 * Puts an optimiser to work on the thread that calls. The arrays of `values` and of the state are its own from now on.
 *
 * @throws CoreError for an unknown name or option, a number out of its range, or a state that does not fit
 */
export const loadOptimizer = (values: Float32Array, state: OptimizerState, choice: OptimizerChoice): Optimizer => {
  const { rule, numbers } = chosen(choice)
  return rule.load(values, state, numbers)
}

/** @throws CoreError for an unknown name or option, or a number out of its range */
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
  throw new CoreError(`optimizer: there is no "${String(name)}". There are: ${Object.keys(OPTIMIZERS).join(", ")}.`)
}
