import { checkArgument, checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkRanges } from "../../number-range.ts"
import { TRAIN_RANGES } from "../ranges.ts"
import type { ValuePart } from "../value-part.ts"
import type { Optimizer, OptimizerState } from "./optimizer.ts"
import { expectGradients, expectStateOf } from "./optimizer.ts"
import type { OptimizerOptions, OptimizerSettings } from "./options.ts"

/** The values that an optimiser changes, with the tensors that they are. */
export interface OptimizedModel {
  readonly values: Float32Array
  readonly parts: readonly ValuePart[]
}

/** A list that an optimiser keeps between updates. A list of length 0 is not saved. */
export interface ListPlan {
  readonly length: number
  /** What it begins with: one number, a copy of the values, or those at some indices. Default: 0. */
  readonly start?: number | "values" | Int32Array
}

/** What an optimiser keeps between updates. Updates change it in place. */
export interface OptimizerMemory<L extends string = string, B extends string = string, N extends string = string> {
  readonly lists: Readonly<Record<L, Float32Array>>
  /** Lists of whole numbers of 8 bits. */
  readonly bytes: Readonly<Record<B, Uint8Array>>
  readonly numbers: Record<N, number>
}

/** One update: what it reads, and what it changes. */
export interface OptimizerUpdate<O extends OptimizerOptions, L extends string, B extends string, N extends string>
  extends OptimizedModel,
    OptimizerMemory<L, B, N> {
  /** They are kept as they are. */
  readonly gradients: Float32Array
  readonly learningRate: number
  /** The update's number, from 1. */
  readonly step: number
  readonly settings: OptimizerSettings<O>
}

/** A kind of optimiser: what it keeps, and its update. */
export interface OptimizerRule<
  O extends OptimizerOptions = OptimizerOptions,
  L extends string = string,
  B extends string = string,
  N extends string = string,
> {
  readonly name: string
  readonly options: O
  /**
   * Options by their names in sd-scripts' `optimizer_args`, where these are not the same words with underscores. A list
   * of options takes a list of values.
   */
  readonly python?: Readonly<Record<string, (keyof O & string) | readonly (keyof O & string)[]>>
  /** Its lists of float32. Default: none. */
  lists?(model: OptimizedModel, settings: OptimizerSettings<O>): Readonly<Record<L, ListPlan>>
  /** Lengths of its lists of bytes. They begin with 0. Default: none. */
  bytes?(model: OptimizedModel, settings: OptimizerSettings<O>): Readonly<Record<B, number>>
  /** Its numbers before the first update. Default: none. */
  numbers?(settings: OptimizerSettings<O>): Readonly<Record<N, number>>
  /**
   * Whether a move is not proportional to the learning rate. So one part of the model cannot have its own rate. Default:
   * false.
   */
  readonly hasOneRate?: boolean
  /** One update, which changes `values`, `lists`, `bytes` and `numbers` in place. */
  update(update: OptimizerUpdate<O, L, B, N>): void
  /** See `Optimizer.average`. */
  average?(model: OptimizedModel & OptimizerMemory<L, B, N> & { readonly settings: OptimizerSettings<O> }): Float32Array
}

/**
 * The option that PyTorch's schedulers of momentum move: the first of `betas`, or `momentum`. Null: there is none.
 * Source: `torch.optim.lr_scheduler.CyclicLR`.
 */
export function momentumOption({ options, python = {} }: Pick<OptimizerRule, "options" | "python">): string | null {
  const [first] = [python.betas ?? []].flat()
  return first ?? (Object.hasOwn(options, "momentum") ? "momentum" : null)
}

/** Gives a rule as it is, with the types of its options and lists. */
export function defineOptimizer<
  const O extends OptimizerOptions,
  L extends string = never,
  B extends string = never,
  N extends string = never,
>(rule: OptimizerRule<O, L, B, N>): OptimizerRule<O, L, B, N> {
  checkGiven("optimizer: the rule", rule, "options", "the table of optimisers")
  return rule
}

/**
 * What a rule keeps, from a state. The arrays are those of the state. Before the first update they are made.
 *
 * @throws CoreError when the state belongs to another optimiser, or to values of another length
 */
export function memoryOf<O extends OptimizerOptions, L extends string, B extends string, N extends string>(
  rule: OptimizerRule<O, L, B, N>,
  model: OptimizedModel,
  state: OptimizerState,
  settings: OptimizerSettings<O>,
): OptimizerMemory<L, B, N> {
  checkGiven("optimizer: the rule", rule, "options", "defineOptimizer")
  checkGiven("optimizer: the model", model, "values", "createLllite")
  checkGiven("optimizer: the state", state, "tensors", "initOptimizer")
  checkArgument("optimizer: the settings", settings, "an object")
  expectStateOf(rule.name, state)
  const isNew = state.step === 0 && Object.keys(state.tensors).length === 0
  const found = <T extends Float32Array | Uint8Array>(name: string, length: number, type: new (n: number) => T): T => {
    const list = Object.hasOwn(state.tensors, name) ? state.tensors[name] : undefined
    if (list === undefined && length > 0) {
      throw new CoreError("optimizer-state", `optimizer "${rule.name}": its state has no "${name}"`)
    }
    if (list === undefined) return new type(0)
    if (list instanceof type && list.length === length) return list
    throw new CoreError(
      "optimizer-state",
      `optimizer "${rule.name}": its "${name}" has ${list.length} values, expected ${length} for ${model.values.length} parameters`,
    )
  }
  const lists = Object.entries<ListPlan>(rule.lists?.(model, settings) ?? {}).map(([name, { length, start = 0 }]) => {
    if (!isNew) return [name, found(name, length, Float32Array)] as const
    if (start === "values") return [name, model.values.slice(0, length)] as const
    if (typeof start !== "number") {
      return [name, Float32Array.from(start, (index) => model.values[index] as number)] as const
    }
    return [name, start === 0 ? new Float32Array(length) : new Float32Array(length).fill(start)] as const
  })
  const bytes = Object.entries<number>(rule.bytes?.(model, settings) ?? {}).map(
    ([name, length]) => [name, isNew ? new Uint8Array(length) : found(name, length, Uint8Array)] as const,
  )
  const numbers = Object.entries<number>(rule.numbers?.(settings) ?? {}).map(([name, start]) => {
    const saved = state.numbers !== undefined && Object.hasOwn(state.numbers, name) ? state.numbers[name] : undefined
    if (saved === undefined && !isNew) {
      throw new CoreError("optimizer-state", `optimizer "${rule.name}": its state has no number "${name}"`)
    }
    return [name, saved ?? start] as const
  })
  return {
    lists: Object.fromEntries(lists) as Record<L, Float32Array>,
    bytes: Object.fromEntries(bytes) as Record<B, Uint8Array>,
    numbers: Object.fromEntries(numbers) as Record<N, number>,
  }
}

/**
 * Continues from a state on the calling thread. The optimiser changes the arrays of `values` and of the state in place
 * from now on.
 *
 * @throws CoreError when the state belongs to another optimiser, or to values of another length
 */
export function loadRule<O extends OptimizerOptions, L extends string, B extends string, N extends string>(
  rule: OptimizerRule<O, L, B, N>,
  model: OptimizedModel,
  state: OptimizerState,
  settings: OptimizerSettings<O>,
): Optimizer {
  checkGiven("optimizer: the rule", rule, "options", "defineOptimizer")
  checkGiven("optimizer: the model", model, "values", "createLllite")
  checkGiven("optimizer: the state", state, "tensors", "initOptimizer")
  const memory = memoryOf(rule, model, state, settings)
  const { average } = rule
  const { numbers }: { readonly numbers: Readonly<Record<string, number>> } = memory
  const momentumName = momentumOption(rule)
  let { step } = state
  return {
    step(gradients, learningRate, momentum) {
      expectGradients(rule.name, gradients, model.values.length)
      checkRanges(`optimizer "${rule.name}"`, { learningRate }, { learningRate: TRAIN_RANGES.learningRate })
      const moved =
        momentum === undefined || momentumName === null ? settings : { ...settings, [momentumName]: momentum }
      rule.update({ ...model, ...memory, gradients, learningRate, step: step + 1, settings: moved })
      step += 1
    },
    save() {
      // A new run has no lists. They would be as large as the model.
      if (step === 0) return { name: rule.name, step, tensors: {} }
      const kept = Object.entries<Float32Array | Uint8Array>({ ...memory.lists, ...memory.bytes })
      return {
        name: rule.name,
        step,
        tensors: Object.fromEntries(kept.filter(([, { length }]) => length > 0)),
        ...(rule.numbers === undefined ? {} : { numbers: { ...memory.numbers } }),
      }
    },
    ...(average === undefined ? {} : { average: () => average({ ...model, ...memory, settings }) }),
    // Both families that find their step size call it `d`.
    ...(Object.hasOwn(numbers, "d") ? { rateFactor: () => numbers.d as number } : {}),
    dispose() {},
  }
}
