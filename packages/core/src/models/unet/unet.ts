import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments, checkGiven } from "../../argument.ts"
import { timestepEmbedding } from "../../diffusion/size-embedding.ts"
import { CoreError } from "../../errors.ts"
import { linearEach, linearPlus, narrow, widen } from "../../ops/joined-verbs.ts"
import type { Ops, RepeatedPass } from "../../ops/ops.ts"
import { checkOps } from "../given.ts"
import type { PlacedLinear } from "../placed.ts"
import type { Pass, Tap } from "../taps.ts"
import { NO_TAP, runTapped, UNKNOWN_PASS } from "../taps.ts"
import type { BlockVerbs } from "./block-verbs.ts"
import { composedBlocks } from "./block-verbs.ts"
import type { BlockContext } from "./blocks.ts"
import { RES_NORM } from "./blocks.ts"
import { vectorDimOf } from "./config.ts"
import type { Shrink } from "./deep-shrink.ts"
import { type FeatureCache, outliving, skippedStages } from "./feature-cache.ts"
import type { UnetParams } from "./params.ts"
import type { TextKeyCache } from "./text-keys.ts"
import type { TextRegion } from "./text-regions.ts"
import type { Residuals, UnetStage } from "./walk.ts"
import { inputOf, sizedLike, unetStages } from "./walk.ts"
import { tapReadsOfPass } from "./whole-pass.ts"

export interface UnetInput {
  /** Noisy latents, already scaled for the network, then other input channels. [N, H, W, inChannels] */
  readonly latents: Tensor4D
  /** Training timesteps, 0 to 999, one per sample; fractions are allowed. */
  readonly timesteps: readonly number[]
  /** Text context. [N, T, contextDim] */
  readonly context: Tensor3D
  /** Pooled text followed by the size embedding. [N, pooledDim + SIZE_EMBEDDING_DIM] */
  readonly vector: Tensor2D
}

export interface UnetOptions {
  /** The tap before and after the layers. Default: no tap. */
  readonly tap?: Tap
  /** The position of the pass, for strengths that depend on it. Default: unknown. */
  readonly pass?: Pass
  /** Values to add to the skips and to the middle. Default: none. */
  readonly residuals?: Residuals
  /** Where the features shrink in this pass, see `DeepShrink`. Default: nowhere. */
  readonly shrink?: Shrink | null
  /** The deep features of this network's former passes, see `DeepCache`. Default: every pass is full. */
  readonly features?: FeatureCache | null
  /** The keys and values of this context in former passes. Default: none are kept. */
  readonly textKeys?: TextKeyCache | null
  /**
   * Texts of regions, at least one, which the last rows read in place of the context. The runtime's own blocks are not
   * used then. Default: none.
   */
  readonly regions?: readonly TextRegion[] | null
  /** How a block runs. Default: `composedBlocks`. */
  readonly blocks?: BlockVerbs
}

/**
 * SDXL's U-Net. The denoiser knows whether the prediction is noise or velocity.
 * Source: sd-scripts `library/sdxl_original_unet.py`; Podell et al. 2023.
 *
 * @returns [N, H, W, outChannels]
 * @throws CoreError if the input's shapes do not fit the network
 */
export function unet(ops: Ops, params: UnetParams, input: UnetInput, options: UnetOptions = {}): Tensor4D {
  checkOps("unet", ops)
  checkArgument("unet: the options", options, "an object")
  checkInput(params, input)
  const { residuals = null } = options
  checkResiduals(unetStages(params), residuals)
  return tf.tidy(() => {
    const pass = repeatedPass(ops, params, input, options)
    return pass === null || ops.runPass === undefined ? runStages(ops, params, input, options) : ops.runPass(pass)
  })
}

/** Inputs whose timesteps are embedded, or are still to be. */
interface StagesInput extends UnetInput {
  /** The embedding of the timesteps. Default: it is computed. [N, C] */
  readonly waves?: Tensor2D | undefined
}

/** A pass that a runtime may record. Null where its ops may differ in more than numbers and tensors that are known. */
function repeatedPass(
  ops: Ops,
  params: UnetParams,
  input: UnetInput,
  options: UnetOptions,
): RepeatedPass<Tensor4D> | null {
  const { tap = NO_TAP, pass = UNKNOWN_PASS, residuals = null, shrink = null, features = null } = options
  const { textKeys = null, regions = null, blocks } = options
  // Deep features are kept from pass to pass, and a tape sees every op.
  const isKnown = shrink === null && features === null && regions === null && blocks === undefined
  if (ops.runPass === undefined || !isKnown || tf.engine().state.gradientDepth > 0) return null
  const { latents, timesteps, context, vector } = input
  const [count, height, width] = latents.shape
  const tapped = tapReadsOfPass(params, { tap, pass, count, grid: { height, width } })
  if (tapped === null || tapped.trained.length > 0) return null
  const added = residuals === null ? [] : [...residuals.skips, residuals.middle]
  const present = added.filter((residual) => residual !== null)
  return {
    key: `unet ${tapped.key} ${added.map((residual) => (residual === null ? "-" : "+")).join("")}`,
    inputs: [latents, timeWaves(timesteps, params.config.layout.modelChannels), context, vector, ...present],
    reads: [params, ...(textKeys === null ? [] : [textKeys]), ...tapped.reads],
    run([latents, waves, context, vector, ...present]) {
      const read = { latents, timesteps, waves, context, vector } as StagesInput
      const given = [...(present as Tensor4D[])]
      const residualOf = (residual: Tensor4D | null): Tensor4D | null =>
        residual === null ? null : (given.shift() ?? null)
      const skips = residuals?.skips.map(residualOf)
      const own = skips === undefined ? null : { skips, middle: residualOf(residuals?.middle ?? null) }
      return runStages(ops, params, read, { ...options, residuals: own })
    },
  }
}

/** Runs the stages one after another. */
function runStages(
  ops: Ops,
  params: UnetParams,
  input: StagesInput,
  options: Omit<UnetOptions, "residuals"> & { readonly residuals?: Residuals | null },
): Tensor4D {
  const { residuals = null, shrink = null, features = null } = options
  const { blocks = composedBlocks } = options.regions == null ? options : {}
  const stages = unetStages(params)
  const kept = features?.begin(input.latents, shrink) ?? null
  const { first, end } = skippedStages(params.inputBlocks.length, features?.depth ?? 0)
  return tf.tidy(() => {
    // On a tape, someone may ask for the gradient of any input.
    const isWhole = tf.engine().state.gradientDepth === 0
    const on = { ...enterUnet(ops, params, input, options), isWhole }
    const places: (Tensor4D | null)[] = [narrow(ops, input.latents)]
    for (const [index, { block }] of stages.entries()) {
      if (kept !== null && index >= first && index < end) places.push(index === end - 1 ? kept : null)
      else places.push(tf.tidy(() => blocks.forward(on, block, inputOf(stages, index, { places, residuals, shrink }))))
    }
    if (kept === null) features?.keep(outliving(places[end] as Tensor4D))
    return leaveUnet(on, params, sizedLike(places.at(-1) as Tensor4D, input.latents))
  })
}

/** The context of all blocks of a pass. The caller disposes it with {@link disposeContext}. */
export function enterUnet(
  ops: Ops,
  params: UnetParams,
  { timesteps, waves, vector, context }: StagesInput,
  {
    tap = NO_TAP,
    pass = UNKNOWN_PASS,
    textKeys = null,
    regions = null,
  }: Pick<UnetOptions, "tap" | "pass" | "textKeys" | "regions">,
): BlockContext {
  const width = params.config.layout.modelChannels
  const embedding = embedConditions(ops, params, { timesteps, waves, vector }, width, { tap, pass })
  const shifts = shiftsTogether({ ops, tap, embedding }, unetStages(params))
  const { headDim } = params.config
  const read = narrow(ops, context)
  const made = read === context ? [] : [read]
  return { ops, tap, pass, headDim, embedding, shifts, context: read, made, textKeys, regions }
}

/** Disposes what `enterUnet` made. */
export function disposeContext({ embedding, shifts, made = [] }: BlockContext): void {
  tf.dispose([embedding, ...made, ...(shifts?.values() ?? [])])
}

/**
 * What the residual blocks add by the embedding, in as few calls as the runtime makes of them. Layers with a tap are not
 * among them. Null where the runtime gains nothing by it, and on a tape, where a block computes its own. → [N, C] each
 */
function shiftsTogether(
  { ops, tap, embedding }: Pick<BlockContext, "ops" | "tap" | "embedding">,
  stages: readonly UnetStage[],
): ReadonlyMap<PlacedLinear, Tensor2D> | null {
  if (ops.linearEach === undefined || ops.runPart !== undefined || tf.engine().state.gradientDepth > 0) return null
  const placed = stages
    .flatMap(({ block }) => block.parts.flatMap((part) => (part.kind === "res" ? [part.embedding] : [])))
    .filter(({ layer }) => !tap.has(layer))
    // Layers of one width are neighbours then.
    .sort((one, other) => one.layer.outDim - other.layer.outDim)
  const weights = placed.map(({ weight }) => weight)
  const shifts = linearEach(ops, embedding, weights) as readonly Tensor2D[]
  return new Map(placed.map((one, i) => [one, shifts[i] as Tensor2D]))
}

/** The embedding of timesteps. → [N, width] */
function timeWaves(timesteps: readonly number[], width: number): Tensor2D {
  return tf.tensor2d(
    timesteps.flatMap((timestep) => [...timestepEmbedding(timestep, width)]),
    [timesteps.length, width],
  )
}

/** The layers that embed the conditions of a pass, at any width. */
export type ConditionLayers = Pick<UnetParams, "timeEmbedding" | "sizeEmbedding">

/**
 * SiLU of the sum of time and size embedding, which every residual block reads. → [N, 4·C]
 *
 * @param width the number of model channels
 * @param added what else is added to the sum, before SiLU. [1, 4·C]. Default: nothing
 */
export function embedConditions(
  ops: Ops,
  params: ConditionLayers,
  { timesteps, waves, vector }: Pick<StagesInput, "timesteps" | "waves" | "vector">,
  width: number,
  {
    tap = NO_TAP,
    pass = UNKNOWN_PASS,
    added = null,
  }: Pick<UnetOptions, "tap" | "pass"> & { added?: Tensor | null } = {},
): Tensor {
  return tf.tidy(() => {
    const linear = (x: Tensor, { layer, weight }: PlacedLinear, plus: Tensor | null = null): Tensor => {
      if (plus !== null && !tap.has(layer)) return linearPlus(ops, x, weight, plus)
      const [y] = runTapped(tap, [layer], x, { ...pass, grid: null }, (_, read) => ops.linear(read, weight))
      return plus === null ? (y as Tensor) : tf.add(plus, y as Tensor)
    }
    const mlp = (x: Tensor, layers: readonly [PlacedLinear, PlacedLinear], plus: Tensor | null = null): Tensor =>
      linear(ops.silu(linear(x, layers[0])), layers[1], plus)
    const sum = mlp(vector, params.sizeEmbedding, mlp(waves ?? timeWaves(timesteps, width), params.timeEmbedding))
    return ops.silu(added === null ? sum : tf.add(sum, added))
  })
}

/** The last norm and convolution. [N, H, W, C] → [N, H, W, outChannels] */
export function leaveUnet({ ops, tap, pass }: BlockContext, params: UnetParams, h: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [, height, width] = h.shape
    const { layer, weight } = params.outConv
    const run = (_: number, read: Tensor): Tensor =>
      ops.conv2d(read as Tensor4D, weight, { stride: 1, padding: [1, 1, 1, 1] })
    const normed = widen(ops, ops.groupNorm(h, params.outNorm, RES_NORM))
    return runTapped(tap, [layer], normed, { ...pass, grid: { height, width } }, run)[0] as Tensor4D
  })
}

/** @throws CoreError for a value that is not an input of a U-Net */
export function checkTensors(place: string, input: unknown): void {
  checkArgument(`${place}: the input`, input, "an object")
  const { latents, timesteps, context, vector } = input as UnetInput
  checkArguments(place, "a tensor", { latents, context, vector })
  checkArgument(`${place}: timesteps`, timesteps, "a list of numbers")
}

/** Checks the shapes of an input. @throws CoreError if they do not fit the network */
export function checkInput(params: UnetParams, input: UnetInput): void {
  checkGiven("unet: the params", params, "inputBlocks", "loadUnet")
  checkTensors("unet", input)
  const { latents, timesteps, context, vector } = input
  const { contextDim, inChannels } = params.config
  const [n, , , channels] = latents.shape
  const expect = (good: boolean, what: string, came: string, wanted: string): void => {
    if (!good) throw new CoreError("shape", `unet: ${what} ${came}, expected ${wanted}`)
  }
  expect(channels === inChannels, "latents are", `[${latents.shape.join(", ")}]`, `${inChannels} channels last`)
  expect(timesteps.length === n, "timesteps are", `${timesteps.length}`, `one for each of ${n} samples`)
  expect(
    context.shape[0] === n && context.shape[2] === contextDim,
    "context is",
    `[${context.shape.join(", ")}]`,
    `[${n}, T, ${contextDim}]`,
  )
  const vectorDim = vectorDimOf(params.config)
  expect(
    vector.shape[0] === n && vector.shape[1] === vectorDim,
    "vector is",
    `[${vector.shape.join(", ")}]`,
    `[${n}, ${vectorDim}]`,
  )
}

/** Checks the number of residuals. @throws CoreError if they are not those of this U-Net's blocks */
export function checkResiduals(stages: readonly UnetStage[], residuals: Residuals | null): void {
  const wanted = stages.filter(({ skip }) => skip !== null).length
  if (residuals === null || residuals.skips.length === wanted) return
  throw new CoreError(
    "residuals",
    `unet: ${residuals.skips.length} residuals for the skips, expected ${wanted}, one for each`,
  )
}
