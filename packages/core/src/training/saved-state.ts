import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkState, type TrainState } from "./train-state.ts"
import { checkTrainable, checkTrainableModel, type Trainable, type TrainableModel } from "./trainable.ts"

/** A saved tensor. */
export interface SavedTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array | Uint8Array
}

/** A run between two steps in the form of a file: tensors by name, and text by name. */
export interface SavedTrainState {
  /**
   * `model.NAME` of every part, with an average `ema.NAME`, `optimizer.NAME` of every list in the optimiser's state, and
   * `feedback.LANE` of what rounding has left out: float32, or bytes.
   */
  readonly tensors: ReadonlyMap<string, SavedTensor>
  readonly metadata: ReadonlyMap<string, string>
}

const MODEL = "model."
/** Before the names of the parts of a run's average. */
const EMA = "ema."
const OPTIMIZER = "optimizer."
/** Before the lanes of what rounding has left out. */
const FEEDBACK = "feedback."
/** Before the names of the optimiser's numbers. */
const NUMBER = "optimizer_number."

/** Converts a run to named tensors. The model's tensors are copies. The optimiser's tensors are those of the state. */
export function saveTrainState<M extends TrainableModel>(
  trainable: Trainable<M>,
  state: TrainState<M>,
): SavedTrainState {
  checkTrainable("saved run", trainable)
  checkState("saved run", state)
  const { model, optimizer, step, ema, feedback = new Map() } = state
  const tensors = new Map<string, SavedTensor>()
  const parts = trainable.parts(model)
  checkArgument("saved run: what parts of the trainable gives", parts, "a list")
  for (const part of parts) {
    tensors.set(`${MODEL}${part.name}`, { shape: part.shape, values: trainable.tensor(model, part) })
    if (ema === undefined) continue
    tensors.set(`${EMA}${part.name}`, { shape: part.shape, values: trainable.tensor({ ...model, values: ema }, part) })
  }
  for (const [name, values] of Object.entries(optimizer.tensors)) {
    tensors.set(`${OPTIMIZER}${name}`, { shape: [values.length], values })
  }
  for (const [lane, values] of feedback) tensors.set(`${FEEDBACK}${lane}`, { shape: [values.length], values })
  const metadata = {
    trains: trainable.kind,
    step: String(step),
    optimizer: optimizer.name,
    optimizer_step: String(optimizer.step),
    ...Object.fromEntries(
      // The text of a number reads back as the same float64.
      Object.entries(optimizer.numbers ?? {}).map(([name, value]) => [`${NUMBER}${name}`, String(value)]),
    ),
  }
  return { tensors, metadata: new Map(Object.entries(metadata)) }
}

/**
 * Reads a saved run. With the same options it continues bit for bit.
 *
 * @param like a model of the same parts, such as a new run's with the same options. Its values are not read
 * @throws CoreError for a run of another kind, for a tensor that is missing, unknown or of another shape, or a bad
 * number
 */
export function loadTrainState<M extends TrainableModel>(
  trainable: Trainable<M>,
  saved: SavedTrainState,
  like: M,
): TrainState<M> {
  checkTrainable("saved run", trainable)
  checkGiven("saved run", saved, "tensors", "saveTrainState")
  checkTrainableModel("saved run", like)
  const { tensors, metadata } = saved
  checkArgument("saved run: the tensors", tensors, "a Map")
  checkArgument("saved run: the metadata", metadata, "a Map")
  const text = (name: string): string => {
    const value = metadata.get(name)
    if (value === undefined)
      throw new CoreError("saved-run", `saved run: it does not say "${name}". Is it a training's state?`)
    return value
  }
  const count = (name: string): number => {
    const value = Number(text(name))
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw new CoreError("saved-run", `saved run: "${name}" is "${text(name)}", expected a whole number of at least 0`)
  }
  const kind = text("trains")
  if (kind !== trainable.kind) {
    throw new CoreError("saved-run-mismatch", `saved run: it trains a "${kind}", expected a "${trainable.kind}"`)
  }
  const own = trainable.parts(like)
  checkArgument("saved run: what parts of the trainable gives", own, "a list")
  const parts = new Set(own.flatMap(({ name }) => [`${MODEL}${name}`, `${EMA}${name}`]))
  const others = [...tensors.keys()].filter(
    (name) => !parts.has(name) && !name.startsWith(OPTIMIZER) && !name.startsWith(FEEDBACK),
  )
  if (others.length > 0) {
    throw new CoreError(
      "saved-run-mismatch",
      `saved run: ${others.length} tensors have no place in what is to be trained, the first is "${others[0]}". Give the options that the run had.`,
    )
  }
  const modelOf = (prefix: string): M =>
    trainable.fill(like, ({ name, shape }) => {
      const found = tensors.get(`${prefix}${name}`)
      if (found === undefined) throw new CoreError("saved-run-mismatch", `saved run: "${prefix}${name}" is missing`)
      if (found.shape.join() !== shape.join() || !(found.values instanceof Float32Array)) {
        throw new CoreError(
          "saved-run-mismatch",
          `saved run: "${prefix}${name}" is [${found.shape.join(", ")}], expected [${shape.join(", ")}]. Give the options that the run had.`,
        )
      }
      return found.values
    })
  const model = modelOf(MODEL)
  checkTrainableModel("saved run: fill of the trainable", model)
  const hasEma = [...tensors.keys()].some((name) => name.startsWith(EMA))
  const lists = [...tensors]
    .filter(([name]) => name.startsWith(OPTIMIZER))
    .map(([name, { values }]) => [name.slice(OPTIMIZER.length), values.slice()] as const)
  const numbers = [...metadata]
    .filter(([name]) => name.startsWith(NUMBER))
    .map(([name, value]) => [name.slice(NUMBER.length), Number(value)] as const)
  for (const [name, value] of numbers) {
    if (!Number.isNaN(value)) continue
    throw new CoreError("saved-run", `saved run: "${NUMBER}${name}" is "${text(NUMBER + name)}", expected a number`)
  }
  const optimizer = {
    ...{ name: text("optimizer"), step: count("optimizer_step"), tensors: Object.fromEntries(lists) },
    ...(numbers.length === 0 ? {} : { numbers: Object.fromEntries(numbers) }),
  }
  const feedback = feedbackOf(tensors, model.values.length)
  return {
    ...{ model, optimizer, step: count("step") },
    ...(hasEma ? { ema: modelOf(EMA).values } : {}),
    ...(feedback.size === 0 ? {} : { feedback }),
  }
}

/** What rounding has left out, by lanes. @throws CoreError */
function feedbackOf(tensors: SavedTrainState["tensors"], size: number): ReadonlyMap<number, Float32Array> {
  const feedback = new Map<number, Float32Array>()
  for (const [name, { values }] of tensors) {
    if (!name.startsWith(FEEDBACK)) continue
    const lane = name.slice(FEEDBACK.length)
    if (!/^(0|[1-9]\d{0,8})$/.test(lane) || !(values instanceof Float32Array) || values.length !== size) {
      throw new CoreError(
        "saved-run-mismatch",
        `saved run: "${name}" has ${values.length} values, expected a number as its name and ${size} float32 values`,
      )
    }
    feedback.set(Number(lane), values.slice())
  }
  return feedback
}
