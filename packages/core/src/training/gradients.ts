import type { Scalar, Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { ActiveAdapter } from "../models/lllite/adapter.ts"
import { controlShare, fedBy } from "../models/lllite/adapter.ts"
import type { ControlPatches, Depth } from "../models/lllite/conditioner.ts"
import type { AdapterParams, LlliteParams } from "../models/lllite/params.ts"
import { leavesOf } from "../models/lllite/params.ts"
import type { AtSite } from "../models/unet/at-site.ts"
import { identityAtSite } from "../models/unet/at-site.ts"
import type { BlockContext } from "../models/unet/blocks.ts"
import { runBlock } from "../models/unet/blocks.ts"
import type { UnetBlock, UnetParams } from "../models/unet/params.ts"
import { sitesOfBlock } from "../models/unet/params.ts"
import { checkInput, embedConditions, joinSkip, predict } from "../models/unet/unet.ts"
import type { Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"

/** What one gradient is computed of. */
export interface GradientInput {
  /** Noisy latents as the network sees them. [N, H, W, 4] */
  readonly latents: Tensor4D
  readonly timesteps: readonly number[]
  /** [N, T, contextDim] */
  readonly context: Tensor3D
  /** [N, pooledDim + 1536] */
  readonly vector: Tensor2D
  /** N control images, cut for every depth of the LLLite. */
  readonly control: ReadonlyMap<Depth, ControlPatches>
}

export interface GradientOptions {
  /**
   * Run every block again on the way back instead of holding all activations: one more forward pass, and the memory of
   * one block instead of all. Chen et al. 2016.
   */
  readonly checkpointing?: boolean
  /** Checked before the work begins, and with `checkpointing` between blocks. */
  readonly signal?: AbortSignal
  /** Awaited wherever the signal is checked: see core's `GenerateOptions`. */
  readonly pause?: () => Promise<void>
}

export interface LossAndGradients {
  readonly loss: number
  /** In the order of the LLLite's flat values. */
  readonly gradients: Float32Array
}

/** A block on its way through the U-Net. */
interface Stage {
  readonly block: UnetBlock
  /** The stage whose output it reads besides the one before it. */
  readonly skip: number | null
}

/**
 * The loss of a prediction and its gradient with respect to every value of an LLLite. Nothing before the first block
 * with an adapter, and nothing of the base model, is ever differentiated.
 *
 * @param loss a scalar of the prediction [N, H, W, 4]; runs on the tape.
 * @throws CoreError if the input does not fit the network; the signal's reason when aborted
 */
export async function lossAndGradients(
  ops: Ops,
  params: UnetParams,
  lllite: LlliteParams,
  input: GradientInput,
  loss: (prediction: Tensor4D) => Scalar,
  options: GradientOptions = {},
): Promise<LossAndGradients> {
  checkInput(params, input)
  await options.pause?.()
  options.signal?.throwIfAborted()
  const stages = stagesOf(params)
  const adapters = stages.map(({ block }) => adaptersOf(block, lllite))
  const first = adapters.findIndex((list) => list.length > 0)
  const placed = adapters.flat().length
  if (first < 0 || placed !== lllite.adapters.size) {
    throw new CoreError(
      `training: ${placed} of the LLLite's ${lllite.adapters.size} adapters have a place in this U-Net. Was it made for another layout?`,
    )
  }

  const embedding = embedConditions(ops, params, input.timesteps, input.vector)
  const given: BlockContext = {
    ops,
    embedding,
    context: input.context,
    atSite: trainableAtSite(ops, lllite, input.control),
  }
  const run: RunStage = (stage, h, skip) => runBlock(given, stage.block, skip === null ? h : joinSkip(h, skip))
  const walk = {
    ops,
    params,
    stages,
    adapters,
    first,
    run,
    loss,
    start: runPrefix(given, stages, first, input.latents),
  }
  try {
    return await (options.checkpointing ? backwardByStages(walk, lllite, options) : backwardAtOnce(walk, lllite))
  } finally {
    tf.dispose([embedding, ...walk.start.slice(1)])
  }
}

type RunStage = (stage: Stage, h: Tensor4D, skip: Tensor4D | null) => Tensor4D

interface Walk {
  readonly ops: Ops
  readonly params: UnetParams
  readonly stages: readonly Stage[]
  readonly adapters: readonly (readonly AdapterParams[])[]
  readonly first: number
  readonly run: RunStage
  readonly loss: (prediction: Tensor4D) => Scalar
  /** The latents, then the outputs of the stages before the first with an adapter. */
  readonly start: readonly Tensor4D[]
}

/** The untrained beginning: its outputs are constants. */
function runPrefix(given: BlockContext, stages: readonly Stage[], first: number, latents: Tensor4D): Tensor4D[] {
  const outputs = [latents]
  const fixed = { ...given, atSite: identityAtSite }
  for (const { block, skip } of stages.slice(0, first)) {
    const h = outputs[outputs.length - 1] as Tensor4D
    outputs.push(tf.tidy(() => runBlock(fixed, block, skip === null ? h : joinSkip(h, outputs[skip + 1] as Tensor4D))))
  }
  return outputs
}

/** One tape over everything that trains: fastest, and holds every activation. */
async function backwardAtOnce(walk: Walk, lllite: LlliteParams): Promise<LossAndGradients> {
  const { ops, params, stages, first, run, loss, start } = walk
  const { value, grads } = tf.valueAndGrads((): Scalar => {
    const outputs = [...start]
    for (const stage of stages.slice(first)) {
      const skip = stage.skip === null ? null : (outputs[stage.skip + 1] as Tensor4D)
      outputs.push(run(stage, outputs[outputs.length - 1] as Tensor4D, skip))
    }
    return loss(predict(ops, params, outputs[outputs.length - 1] as Tensor4D))
  })([...lllite.leaves])
  const result = { loss: (await value.data())[0] as number, gradients: await flatten(grads) }
  tf.dispose([value, ...grads])
  return result
}

/** Forward without a tape, keeping what each stage read; then back, one stage on a tape at a time. */
async function backwardByStages(
  walk: Walk,
  lllite: LlliteParams,
  { signal, pause }: GradientOptions,
): Promise<LossAndGradients> {
  const { ops, params, stages, adapters, first, run, loss, start } = walk
  // outputs[i + 1] is what stage i leaves; slopes[i + 1] the loss's gradient there.
  const outputs: (Tensor4D | null)[] = [...start]
  const slopes: (Tensor4D | null)[] = []
  const parts = new Map<AdapterParams, Float32Array>()
  try {
    for (const stage of stages.slice(first)) {
      await pause?.()
      signal?.throwIfAborted()
      const skip = stage.skip === null ? null : (outputs[stage.skip + 1] as Tensor4D)
      outputs.push(tf.tidy(() => run(stage, outputs[outputs.length - 1] as Tensor4D, skip)))
    }
    ops.trim?.()
    const last = outputs[stages.length] as Tensor4D
    const end = tf.valueAndGrad((h: Tensor) => loss(predict(ops, params, h as Tensor4D)))(last)
    slopes[stages.length] = end.grad as Tensor4D
    const lossValue = (await end.value.data())[0] as number
    end.value.dispose()

    for (let i = stages.length - 1; i >= first; i--) {
      await pause?.()
      signal?.throwIfAborted()
      const stage = stages[i] as Stage
      const slope = slopes[i + 1] as Tensor4D
      const [h, skip] = [outputs[i] as Tensor4D, stage.skip === null ? null : (outputs[stage.skip + 1] as Tensor4D)]
      // What was computed before the first adapter is a constant.
      const reads = [i, stage.skip === null ? -1 : stage.skip + 1].filter((at) => at > first)
      const own = adapters[i] ?? []
      const leaves = own.flatMap(leavesOf)
      const wanted = [...reads.map((at) => outputs[at] as Tensor4D), ...leaves]
      const found = wanted.length === 0 ? [] : tf.grads(() => run(stage, h, skip))(wanted, slope)
      for (const [place, at] of reads.entries()) {
        const before = slopes[at]
        const slopeHere = found[place] as Tensor4D
        slopes[at] = before == null ? slopeHere : tf.add(before, slopeHere)
        if (before != null) tf.dispose([before, slopeHere])
      }
      let from = reads.length
      for (const adapter of own) {
        const count = leavesOf(adapter).length
        parts.set(adapter, await flatten(found.slice(from, from + count)))
        from += count
      }
      tf.dispose(found.slice(reads.length))
      slope.dispose()
      slopes[i + 1] = null
      outputs[i + 1]?.dispose()
      outputs[i + 1] = null
      ops.trim?.()
    }
    const inOrder = [...lllite.adapters.values()].map((adapter) => parts.get(adapter) as Float32Array)
    return { loss: lossValue, gradients: concatenate(inOrder) }
  } finally {
    tf.dispose([...outputs.slice(start.length), ...slopes].filter((tensor) => tensor != null))
  }
}

async function flatten(tensors: readonly Tensor[]): Promise<Float32Array> {
  return concatenate(await Promise.all(tensors.map((tensor) => tensor.data<"float32">())))
}

/** The LLLite on the tape: the control's share is computed anew, since the conditioner trains too. */
function trainableAtSite(ops: Ops, lllite: LlliteParams, control: ReadonlyMap<Depth, ControlPatches>): AtSite {
  return (sites, x, grid) => {
    const active = sites.map(({ key, depth }): ActiveAdapter | null => {
      const adapter = lllite.adapters.get(key)
      if (adapter === undefined) return null
      const patches = control.get(depth)
      if (patches === undefined) throw new CoreError(`training: no control images were cut for depth ${depth}`)
      return { adapter, control: { share: controlShare(ops, adapter, patches), grid: patches.grid } }
    })
    return fedBy(ops, active, x, grid, 1)
  }
}

/** Input blocks, middle, output blocks; each output block reads the input blocks' outputs from the last to the first. */
function stagesOf(params: UnetParams): Stage[] {
  const inputs = params.inputBlocks.length
  return [
    ...params.inputBlocks.map((block) => ({ block, skip: null })),
    { block: params.middle, skip: null },
    ...params.outputBlocks.map((block, i) => ({ block, skip: inputs - 1 - i })),
  ]
}

function adaptersOf(block: UnetBlock, lllite: LlliteParams): AdapterParams[] {
  const found: AdapterParams[] = []
  for (const site of sitesOfBlock(block)) {
    const adapter = lllite.adapters.get(site.key)
    if (adapter !== undefined) found.push(adapter)
  }
  return found
}
