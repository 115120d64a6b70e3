import { CoreError } from "../../errors.ts"
import type { NumberOption } from "../../number-range.ts"
import { checkRanges } from "../../number-range.ts"

/** The state of an optimiser between two updates, as data. With the saved state, a run continues bit for bit. */
export interface OptimizerState {
  /** The name of the optimiser. */
  readonly name: string
  /** The number of updates. */
  readonly step: number
  /** Its lists by name, such as AdamW's `m` and `v`. */
  readonly tensors: Readonly<Record<string, Float32Array>>
}

/** An optimiser of one flat list of values. It may compute in another thread, or on a device. */
export interface Optimizer {
  /**
   * One update. It changes the values in place, and keeps the gradients.
   *
   * @throws CoreError when there is not one gradient for each value
   */
  step(gradients: Float32Array, learningRate: number): void | Promise<void>
  /** The state after the last update. It is valid until the next one. */
  save(): OptimizerState | Promise<OptimizerState>
  /** Frees its memory in other threads or on a device. */
  dispose(): void
}

/** The numbers of an optimiser by name, with their ranges and defaults. */
export type OptimizerOptions = Readonly<Record<string, NumberOption>>

/** A value for each option. */
export type OptimizerNumbers<O extends OptimizerOptions> = { readonly [K in keyof O]: number }

/** A kind of optimiser: its first state, and its creation from a state. */
export interface OptimizerRule<O extends OptimizerOptions = OptimizerOptions> {
  readonly name: string
  readonly options: O
  /** The state before the first update of `length` values. */
  init(length: number): OptimizerState
  /**
   * Continues from a state. The optimiser changes the arrays of `values` and of the state in place from now on.
   *
   * @param numbers a value for each option; see `numbersOf`
   * @throws CoreError when the state belongs to another optimiser, or to values of another length
   */
  load(values: Float32Array, state: OptimizerState, numbers: OptimizerNumbers<O>): Optimizer
}

/**
 * The numbers of a rule: `values`, and defaults for the rest.
 *
 * @throws CoreError for an option that the rule does not have, or a number out of its range
 */
export function numbersOf<O extends OptimizerOptions>(
  { name, options }: Pick<OptimizerRule<O>, "name" | "options">,
  values: Readonly<Record<string, unknown>>,
): OptimizerNumbers<O> {
  for (const option of Object.keys(values)) {
    if (Object.hasOwn(options, option)) continue
    throw new CoreError(
      "option-unknown",
      `optimizer "${name}": no option "${option}". There are: ${Object.keys(options).join(", ")}.`,
    )
  }
  checkRanges(`optimizer "${name}"`, values, options)
  const numbers = Object.entries(options).map(([option, { default: usual }]) => [option, values[option] ?? usual])
  return Object.fromEntries(numbers) as OptimizerNumbers<O>
}

/**
 * Gives one tensor of a state after a check.
 *
 * @throws CoreError when it is missing, or not of this length
 */
export function stateTensor({ name, tensors }: OptimizerState, tensor: string, length: number): Float32Array {
  const found = Object.hasOwn(tensors, tensor) ? tensors[tensor] : undefined
  if (found === undefined) throw new CoreError("optimizer-state", `optimizer "${name}": its state has no "${tensor}"`)
  if (found.length !== length) {
    throw new CoreError(
      "optimizer-state",
      `optimizer "${name}": its "${tensor}" has ${found.length} values, the parameters have ${length}`,
    )
  }
  return found
}

/** Checks whose state it is. @throws CoreError when another optimiser made it */
export function expectStateOf(name: string, state: OptimizerState): void {
  if (state.name === name) return
  throw new CoreError(
    "optimizer-state",
    `optimizer "${name}": the state is of "${state.name}". Continue with that one, or start anew.`,
  )
}

/** @throws CoreError when there is not one gradient for each value */
export function expectGradients(name: string, gradients: Float32Array, length: number): void {
  if (gradients.length === length) return
  throw new CoreError(
    "gradient-count",
    `optimizer "${name}": ${gradients.length} gradients, expected one for each of ${length} values`,
  )
}
