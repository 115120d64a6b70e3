import type { NetworkLayer } from "@lllite/format"
import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkOps } from "../models/given.ts"
import type { Tap } from "../models/taps.ts"
import { NO_TAP } from "../models/taps.ts"
import type { BlockInput, BlockVerbs } from "../models/unet/block-verbs.ts"
import { composedBlocks } from "../models/unet/block-verbs.ts"
import type { BlockContext } from "../models/unet/blocks.ts"
import type { UnetParams } from "../models/unet/params.ts"
import { layersOfBlock } from "../models/unet/params.ts"
import { createTextKeyCache } from "../models/unet/text-keys.ts"
import type { UnetInput } from "../models/unet/unet.ts"
import { checkInput, checkResiduals, disposeContext, enterUnet, leaveUnet } from "../models/unet/unet.ts"
import type { Residuals, UnetStage } from "../models/unet/walk.ts"
import { inputOf, placesRead, unetStages } from "../models/unet/walk.ts"
import { narrow } from "../ops/joined-verbs.ts"
import { type Ops, TRAINING_POOLED_BYTES } from "../ops/ops.ts"
import { withLossScale } from "./loss-scale.ts"
import type { ValuePart } from "./value-part.ts"

/** A tap that trains. */
export interface TrainedTap {
  readonly tap: Tap
  /** All tensors of the tap that get a gradient. */
  readonly leaves: readonly Tensor[]
  /** The tensors that act at a layer. */
  leavesAt(layer: NetworkLayer): readonly Tensor[]
  /** How the values that train come to the leaves. Default: the leaves are the values, in their order. */
  readonly values?: ValuesOfLeaves
}

/** Values that train and of which leaves are made. */
export interface ValuesOfLeaves {
  /**
   * The gradients of the values, from those at the leaves in their order. It disposes these or gives them back.
   */
  back(gradients: readonly Tensor[]): readonly Tensor[]
  /** For each result of `back`, where its parts stand in the flat list of all values. */
  readonly places: readonly (readonly ValueSpan[])[]
  /** The leaves that are values themselves, with the places of their parts. */
  readonly direct: ReadonlyMap<Tensor, readonly ValueSpan[]>
}

/** Ranges of a flat list: the first index, and the one after the last. */
export type FinalRanges = readonly (readonly [from: number, to: number])[]

/** Ranges in their order, where neighbours are one. */
export function joinRanges(ranges: FinalRanges): FinalRanges {
  const joined: [from: number, to: number][] = []
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = joined.at(-1)
    if (last?.[1] === from) last[1] = to
    else joined.push([from, to])
  }
  return joined
}

/** A gradient that no later work changes: parts of `values`, one after another, belong at `places` of the flat list. */
export interface FinalGradient {
  readonly values: Float32Array
  readonly places: readonly ValueSpan[]
}

/** A part of a flat list of values. */
export type ValueSpan = Pick<ValuePart, "offset" | "size">

export interface GradientOptions {
  /**
   * Run every block again in the backward pass instead of holding all activations. This costs one more forward pass,
   * and needs the memory of one block only. Chen et al. 2016.
   */
  readonly checkpointing?: boolean
  /** Values to add to the skips and to the middle. Default: none. */
  readonly residuals?: Residuals
  /** Is called within the backward pass as soon as gradients are final, from the last blocks to the first. */
  readonly onFinal?: ((gradients: readonly FinalGradient[]) => void) | undefined
  /** Values that `onFinal` gets at a time, at least, since a device stops for every read. Default: 262,144 */
  readonly readAtOnce?: number
  /** How a block runs, forward and back. Default: `composedBlocks`. */
  readonly blocks?: BlockVerbs
  /** Checked before the work begins, and with `checkpointing` between blocks. */
  readonly signal?: AbortSignal
  /** Awaited before each check of the signal. See core's `GenerateOptions`. */
  readonly pause?: () => Promise<void>
}

export interface LossAndGradients {
  readonly loss: number
  /** One flat list in the order of the values. */
  readonly gradients: Float32Array
  /** How often they, or parts of a sum, were computed again, because slopes were above float16's range. Absent: never. */
  readonly repeats?: number
}

/**
 * The loss of a prediction, and its gradient with respect to every leaf of a tap. The base model has no gradients, and
 * neither has a block before the first leaf.
 *
 * @param input noisy latents in the scale of the network, and its conditions
 * @param loss computes a scalar of the prediction [N, H, W, 4] on the tape
 * @throws CoreError if the input does not fit the network; the signal's reason when aborted
 */
export async function lossAndGradients(
  ops: Ops,
  params: UnetParams,
  trained: TrainedTap,
  input: UnetInput,
  loss: (prediction: Tensor4D) => Scalar,
  options: GradientOptions = {},
): Promise<LossAndGradients> {
  checkOps("training", ops)
  checkGiven("training: the params", params, "inputBlocks", "loadUnet")
  checkGiven("training: what trains", trained, "leaves", "trainedLllite")
  checkArgument("training: the loss", loss, "a function")
  checkArgument("training: the options", options, "an object")
  checkInput(params, input)
  ops.pool?.(TRAINING_POOLED_BYTES)
  const lossOf = (prediction: Tensor4D): Scalar => {
    const value = loss(prediction)
    checkArgument("training: what the loss gives", value, "a tensor")
    return value
  }
  // A scaled attempt may have to be made again. So no gradient is final before its end.
  const [count, rows, columns] = input.latents.shape
  return withLossScale(ops, count * rows * columns * params.config.outChannels, (scale) =>
    scale === 1
      ? gradientsOf(ops, params, trained, input, lossOf, options)
      : gradientsOf(ops, params, trained, input, (prediction) => tf.mul(lossOf(prediction), scale), {
          ...options,
          onFinal: undefined,
        }),
  )
}

async function gradientsOf(
  ops: Ops,
  params: UnetParams,
  trained: TrainedTap,
  input: UnetInput,
  loss: (prediction: Tensor4D) => Scalar,
  options: GradientOptions,
): Promise<LossAndGradients> {
  const [, height, width] = input.latents.shape
  if (height % 4 !== 0 || width % 4 !== 0) {
    throw new CoreError(
      "shape",
      `training: latents are ${width}×${height}, expected multiples of 4, for pictures whose sides are multiples of 32 px`,
    )
  }
  await options.pause?.()
  options.signal?.throwIfAborted()
  const { blocks, residuals = null } = options
  const stages = unetStages(params)
  checkResiduals(stages, residuals)
  const leaves = stages.map(({ block }) => [...new Set([...layersOfBlock(block)].flatMap((l) => trained.leavesAt(l)))])
  const first = leaves.findIndex((list) => list.length > 0)
  const placed = new Set(leaves.flat())
  if (first < 0 || trained.leaves.some((leaf) => !placed.has(leaf))) {
    throw new CoreError(
      "layout",
      `training: ${placed.size} of ${trained.leaves.length} tensors that train have a place in this U-Net's blocks. Were they made for another layout?`,
    )
  }
  // With checkpointing, blocks run twice on one text.
  const textKeys = options.checkpointing === true ? createTextKeyCache() : null
  const on = { ...enterUnet(ops, params, input, { tap: trained.tap, textKeys }), isWhole: true }
  const walk: Walk = { on, params, stages, leaves, first, residuals, loss, trained, blocks: blocks ?? composedBlocks }
  const latents = narrow(ops, input.latents)
  const start = runStart(walk, latents)
  try {
    // A runtime's blocks keep what they need. Blocks that are composed of the ops share one tape.
    const isOneTape = options.checkpointing !== true && blocks === undefined
    return await (isOneTape ? backwardAtOnce(walk, start) : backwardByStages(walk, start, options))
  } finally {
    textKeys?.dispose()
    disposeContext(on)
    if (latents !== input.latents) latents.dispose()
    tf.dispose(start.slice(1))
  }
}

interface Walk {
  readonly on: BlockContext
  readonly params: UnetParams
  readonly stages: readonly UnetStage[]
  /** The leaves of each stage. */
  readonly leaves: readonly (readonly Tensor[])[]
  /** The first stage with a leaf. */
  readonly first: number
  readonly residuals: Residuals | null
  readonly blocks: BlockVerbs
  readonly loss: (prediction: Tensor4D) => Scalar
  readonly trained: TrainedTap
}

/** Runs the stages before the first one that trains. Their outputs are constants. */
function runStart({ on, stages, first, residuals, blocks }: Walk, latents: Tensor4D): Tensor4D[] {
  const places = [latents]
  const fixed = { ...on, tap: NO_TAP }
  for (const [index, { block }] of stages.slice(0, first).entries()) {
    places.push(tf.tidy(() => blocks.forward(fixed, block, inputOf(stages, index, { places, residuals }))))
  }
  return places
}

/** One tape over all stages that train. This is fastest, and holds every activation. */
async function backwardAtOnce(walk: Walk, start: readonly Tensor4D[]): Promise<LossAndGradients> {
  const { on, params, stages, first, residuals, blocks, loss, trained } = walk
  const { value, grads } = tf.valueAndGrads((): Scalar => {
    const places = [...start]
    for (const [index, { block }] of stages.entries()) {
      if (index >= first) places.push(blocks.forward(on, block, inputOf(stages, index, { places, residuals })))
    }
    return loss(leaveUnet(on, params, places.at(-1) as Tensor4D))
  })([...trained.leaves])
  return readAll(value, grads, trained.values)
}

/**
 * Forward without a tape, then back one stage at a time. With checkpointing a stage keeps its inputs only, and runs
 * again in the backward pass. Without it the blocks decide what they keep.
 */
async function backwardByStages(
  walk: Walk,
  start: readonly Tensor4D[],
  { signal, pause, checkpointing = false, onFinal, readAtOnce = 2 ** 18 }: GradientOptions,
): Promise<LossAndGradients> {
  const { on, params, stages, leaves, first, loss, trained } = walk
  const early = onFinal === undefined ? null : createEarlyReader(trained, readAtOnce, onFinal)
  // places[i + 1] is the output of stage i. slopes[i + 1] is the loss's gradient there.
  const places: (Tensor4D | null)[] = [...start]
  const slopes: (Tensor4D | null)[] = []
  const kept: (KeptStage | null)[] = []
  const found = new Map<Tensor, Tensor>()
  let lossValue: Scalar | null = null
  try {
    for (const [index, stage] of stages.entries()) {
      if (index < first) continue
      await pause?.()
      signal?.throwIfAborted()
      const ran = runStage(walk, stage, index, places, checkpointing)
      kept[index] = ran
      places.push(ran.y)
    }
    const last = places[stages.length] as Tensor4D
    const end = tf.valueAndGrad((h: Tensor) => loss(leaveUnet(on, params, h as Tensor4D)))(last)
    slopes[stages.length] = end.grad as Tensor4D
    lossValue = end.value

    for (let i = stages.length - 1; i >= first; i--) {
      await pause?.()
      signal?.throwIfAborted()
      const slope = slopes[i + 1] as Tensor4D
      // Values before the first leaf are constants.
      const { x, skip } = placesRead(stages, i)
      const reads = [x, skip].filter((place) => place !== null && place > first) as number[]
      const own = leaves[i] ?? []
      const gradients = (kept[i] as KeptStage).back(slope, (input) => [
        ...reads.map((place) => (place === x ? input.x : input.skip) as Tensor),
        ...own,
      ])
      for (const [n, place] of reads.entries()) {
        const before = slopes[place]
        const here = gradients[n] as Tensor4D
        slopes[place] = before == null ? here : tf.add(before, here)
        if (before != null) tf.dispose([before, here])
      }
      for (const [n, leaf] of own.entries()) {
        const before = found.get(leaf)
        const here = gradients[reads.length + n] as Tensor
        found.set(leaf, before === undefined ? here : tf.add(before, here))
        if (before !== undefined) tf.dispose([before, here])
      }
      slope.dispose()
      slopes[i + 1] = null
      kept[i]?.dispose()
      kept[i] = null
      places[i + 1]?.dispose()
      places[i + 1] = null
      // A leaf of an earlier stage gets more.
      const done = own.filter((leaf) => leaves.slice(first, i).every((list) => !list.includes(leaf)))
      await early?.read(done.map((leaf) => [leaf, found.get(leaf) as Tensor] as const))
    }
    const gradients = trained.leaves.map((leaf) => found.get(leaf) as Tensor)
    found.clear()
    return await readAll(lossValue, gradients, trained.values)
  } finally {
    tf.dispose([lossValue, ...found.values()].filter((tensor) => tensor != null))
    for (const stage of kept) stage?.dispose()
    tf.dispose([...places.slice(start.length), ...slopes].filter((tensor) => tensor != null))
  }
}

/** Reads gradients of leaves that are values, some stages at a time. */
function createEarlyReader(
  { leaves, values }: TrainedTap,
  readAtOnce: number,
  onFinal: (gradients: readonly FinalGradient[]) => void,
): { read(done: readonly (readonly [leaf: Tensor, gradient: Tensor])[]): Promise<void> } {
  const direct = values?.direct ?? placesInOrder(leaves)
  let waiting: { readonly gradient: Tensor; readonly places: readonly ValueSpan[] }[] = []
  return {
    async read(done) {
      for (const [leaf, gradient] of done) {
        const places = direct.get(leaf)
        if (places !== undefined) waiting.push({ gradient, places })
      }
      if (waiting.reduce((sum, { gradient }) => sum + gradient.size, 0) < readAtOnce) return
      const now = waiting
      waiting = []
      onFinal(
        await Promise.all(
          now.map(async ({ gradient, places }) => ({ values: await gradient.data<"float32">(), places })),
        ),
      )
    },
  }
}

/** The places of leaves that follow each other in the flat values. */
function placesInOrder(leaves: readonly Tensor[]): ReadonlyMap<Tensor, readonly ValueSpan[]> {
  const places = new Map<Tensor, readonly ValueSpan[]>()
  let from = 0
  for (const leaf of leaves) {
    places.set(leaf, [{ offset: from, size: leaf.size }])
    from += leaf.size
  }
  return places
}

/** A stage that has run and can still run its backward pass. */
interface KeptStage {
  readonly y: Tensor4D
  back(slope: Tensor4D, wanted: (input: BlockInput) => readonly Tensor[]): readonly Tensor[]
  dispose(): void
}

function runStage(
  { on, stages, residuals, blocks }: Walk,
  { block }: UnetStage,
  index: number,
  places: readonly (Tensor4D | null)[],
  isRunAgain: boolean,
): KeptStage {
  const inputHere = (): BlockInput => inputOf(stages, index, { places, residuals })
  if (isRunAgain) {
    return {
      y: tf.tidy(() => blocks.forward(on, block, inputHere())),
      back: (slope, wanted) =>
        tf.tidy(() => {
          const input = inputHere()
          return [...blocks.back(on, block, input, slope, wanted(input))]
        }),
      dispose: () => {},
    }
  }
  const input = inputHere()
  const keptBlock = blocks.keep(on, block, input)
  // The sum with a residual belongs to this stage alone. All other inputs are places.
  const made = [input.x, input.skip].filter((tensor) => tensor !== null && !places.includes(tensor)) as Tensor4D[]
  return {
    y: keptBlock.y,
    back: (slope, wanted) => keptBlock.back(slope, wanted(input)),
    dispose: () => {
      keptBlock.dispose()
      tf.dispose(made)
    },
  }
}

/** Reads the loss and the gradients as one tensor, since a device stops for every read. It disposes them. */
async function readAll(
  loss: Scalar,
  atLeaves: readonly Tensor[],
  values: ValuesOfLeaves | undefined,
): Promise<LossAndGradients> {
  const gradients = values?.back(atLeaves) ?? atLeaves
  const parts = [...gradients, loss]
  let joined: Tensor
  try {
    joined = tf.tidy(() => tf.concat(parts.map((part) => tf.reshape(part, [-1]))))
  } finally {
    tf.dispose(parts)
  }
  try {
    const read = await joined.data<"float32">()
    const end = read.length - 1
    const list = read.subarray(0, end)
    return {
      loss: read[end] as number,
      gradients: values === undefined ? list : inPlaces(list, values.places.flat()),
    }
  } finally {
    joined.dispose()
  }
}

/** Puts the parts of a list, which follow each other, in their places. */
function inPlaces(list: Float32Array, places: readonly ValueSpan[]): Float32Array {
  const result = new Float32Array(list.length)
  let from = 0
  for (const { offset, size } of places) {
    result.set(list.subarray(from, from + size), offset)
    from += size
  }
  return result
}
