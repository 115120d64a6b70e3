import { CoreError } from "../../errors.ts"
import type { NumberOption } from "../../number-range.ts"
import { checkRanges } from "../../number-range.ts"

/** What an optimiser remembers between two updates, as data. Saved and loaded as it is, a run continues bit for bit. */
export interface OptimizerState {
  /** Which optimiser it belongs to. */
  readonly name: string
  /** Updates made. */
  readonly step: number
  /** What is remembered, by name: AdamW's are `m` and `v`. */
  readonly tensors: Readonly<Record<string, Float32Array>>
}

/** An optimiser at work on one flat list of values. It may compute elsewhere: in another thread, or on a device. */
export interface Optimizer {
  /**
   * One update. When it is done the values are changed in place, and the gradients are not.
   *
   * @throws CoreError when there is not one gradient for each value
   */
  step(gradients: Float32Array, learningRate: number): void | Promise<void>
  /** The state after the last update. It is valid until the next one. */
  save(): OptimizerState | Promise<OptimizerState>
  /** Gives back what it holds elsewhere. */
  dispose(): void
}

/** The numbers of an optimiser by name, with their ranges and defaults. */
export type OptimizerOptions = Readonly<Record<string, NumberOption>>

/** A value for each of them. */
export type OptimizerNumbers<O extends OptimizerOptions> = { readonly [K in keyof O]: number }

/** How a kind of optimiser begins, and how it goes on from a state. */
export interface OptimizerRule<O extends OptimizerOptions = OptimizerOptions> {
  readonly name: string
  readonly options: O
  /** The state before the first update of `length` values. */
  init(length: number): OptimizerState
  /**
   * Goes on from a state. The arrays of `values` and of the state are the optimiser's from now on: it changes them in
   * place.
   *
   * @param numbers a value for each option; see `numbersOf`
   * @throws CoreError when the state belongs to another optimiser, or to values of another length
   */
  load(values: Float32Array, state: OptimizerState, numbers: OptimizerNumbers<O>): Optimizer
}

/**
 * The numbers of a rule: what is given, and defaults for the rest.
 *
 * @throws CoreError for an option that the rule does not have, or a number out of its range
 */
export function numbersOf<O extends OptimizerOptions>(
  { name, options }: Pick<OptimizerRule<O>, "name" | "options">,
  values: Readonly<Record<string, unknown>>,
): OptimizerNumbers<O> {
  for (const option of Object.keys(values)) {
    if (Object.hasOwn(options, option)) continue
    throw new CoreError(`optimizer "${name}": no option "${option}". There are: ${Object.keys(options).join(", ")}.`)
  }
  checkRanges(`optimizer "${name}"`, values, options)
  const numbers = Object.entries(options).map(([option, { default: usual }]) => [option, values[option] ?? usual])
  return Object.fromEntries(numbers) as OptimizerNumbers<O>
}

/**
 * One tensor of a state, checked.
 *
 * @throws CoreError when it is missing, or not of this length
 */
export function stateTensor({ name, tensors }: OptimizerState, tensor: string, length: number): Float32Array {
  const found = Object.hasOwn(tensors, tensor) ? tensors[tensor] : undefined
  if (found === undefined) throw new CoreError(`optimizer "${name}": its state has no "${tensor}"`)
  if (found.length !== length) {
    throw new CoreError(
      `optimizer "${name}": its "${tensor}" has ${found.length} values, the parameters have ${length}`,
    )
  }
  return found
}

/** @throws CoreError when a state was made by another optimiser */
export function expectStateOf(name: string, state: OptimizerState): void {
  if (state.name === name) return
  throw new CoreError(`optimizer "${name}": the state is of "${state.name}". Continue with that one, or start anew.`)
}

/** @throws CoreError when there is not one gradient for each value */
export function expectGradients(name: string, gradients: Float32Array, length: number): void {
  if (gradients.length === length) return
  throw new CoreError(`optimizer "${name}": ${gradients.length} gradients, expected one for each of ${length} values`)
}
