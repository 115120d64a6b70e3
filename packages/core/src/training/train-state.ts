import type { AdapterDims, Site } from "@lllite/format"
import { checkArgument, checkGiven, checkOptions } from "../argument.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { createLllite } from "../models/lllite/model.ts"
import { checkRanges } from "../number-range.ts"
import { checkSeed, type Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"
import { type FirstControl, normaliseConditioners } from "./normalise-conditioners.ts"
import type { OptimizerChoice } from "./optimizers/index.ts"
import { DEFAULT_OPTIMIZER, initOptimizer } from "./optimizers/index.ts"
import type { OptimizerState } from "./optimizers/optimizer.ts"
import { ADAPTER_RANGES } from "./ranges.ts"
import { checkTrainableModel, type TrainableModel } from "./trainable.ts"

/**
 * A run between two steps, as plain data. With the same options the run continues from here bit for bit. The order of
 * batches, their noise and the learning rate follow from the options and `step`.
 */
export interface TrainState<M extends TrainableModel = LlliteModel> {
  readonly model: M
  readonly optimizer: OptimizerState
  /** The values that a finished model has, where they differ from those that train; see `Optimizer.average`. */
  readonly average?: Float32Array
  /** The moving average of a run with `ema`, which a finished model has. */
  readonly ema?: Float32Array
  /** What rounding has left out of the parts of the steps, by their lanes. Absent where nothing is rounded. */
  readonly feedback?: ReadonlyMap<number, Float32Array>
  /** The number of finished steps. */
  readonly step: number
}

export interface TrainStateOptions {
  /**
   * Controls over which the conditioners are normalised (`normaliseConditioners`). Default: PyTorch's initialisation.
   */
  readonly controls?: readonly FirstControl[]
  /** Default: AdamW. */
  readonly optimizer?: OptimizerChoice
}

/**
 * The state of a new run of an LLLite. `up` is zero, so that the run starts as the base model.
 *
 * @throws CoreError for widths or a seed out of range, or an unknown optimiser
 */
export function createTrainState(
  sites: readonly Site[],
  dims: AdapterDims,
  seed: Seed,
  options: TrainStateOptions = {},
): TrainState {
  checkArgument("training: the sites", sites, "a list")
  checkArgument("training: the widths", dims, "an object")
  checkSeed("training", seed)
  checkOptions<TrainStateOptions>("training", options, { controls: "a list", optimizer: "an object" })
  const { controls = [], optimizer = DEFAULT_OPTIMIZER } = options
  const { condDim, mlpDim } = dims
  checkRanges("training", { condDim, mlpDim }, ADAPTER_RANGES)
  const model = createLllite(sites, dims, createStream(seed, "init"))
  if (controls.length > 0) normaliseConditioners(model, controls)
  return beginTraining(model, optimizer)
}

/** The state of a run that begins with a model. @throws CoreError for an unknown optimiser */
export function beginTraining<M extends TrainableModel>(
  model: M,
  optimizer: OptimizerChoice = DEFAULT_OPTIMIZER,
): TrainState<M> {
  checkTrainableModel("training", model)
  return { model, optimizer: initOptimizer(optimizer), step: 0 }
}

/** @throws CoreError for a value that is not a state of a run */
export function checkState(place: string, state: unknown): void {
  checkGiven(`${place}: the state`, state, "optimizer", "createTrainState")
  const { model, optimizer, step } = state as TrainState
  checkTrainableModel(place, model)
  checkGiven(`${place}: the optimizer's state`, optimizer, "tensors", "createTrainState, as optimizer,")
  checkRanges(place, { step: step ?? null }, { step: { integer: true, min: 0 } })
}
