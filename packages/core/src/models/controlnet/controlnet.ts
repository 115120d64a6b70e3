import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven, checkOptions } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkRanges, type NumberRange } from "../../number-range.ts"
import { narrow } from "../../ops/joined-verbs.ts"
import type { Ops } from "../../ops/ops.ts"
import { checkOps } from "../given.ts"
import { NO_TAP, UNKNOWN_PASS } from "../taps.ts"
import type { BlockVerbs } from "../unet/block-verbs.ts"
import { composedBlocks } from "../unet/block-verbs.ts"
import type { BlockContext } from "../unet/blocks.ts"
import { HEAD_DIM } from "../unet/config.ts"
import type { UnetInput } from "../unet/unet.ts"
import { checkTensors, embedConditions } from "../unet/unet.ts"
import { sizedLike } from "../unet/walk.ts"
import type { ControlNetHint } from "./hint.ts"
import type { ControlNetParams, UnionParams } from "./params.ts"
import type { ControlNetResiduals } from "./residuals.ts"
import { tidyResiduals } from "./residuals.ts"
import { embedTypes, joinHints } from "./union.ts"

export interface ControlNetOptions {
  /** How a block runs. Default: `composedBlocks`. */
  readonly blocks?: BlockVerbs
  /** Number of pictures in the batch. Row n belongs to picture n modulo this. A ControlNet Union reads it. Default: 1. */
  readonly pictures?: number
}

/**
 * A ControlNet: the U-Net's way down over the same latents and text, with the control picture. Its outputs are added to
 * the skips and to the middle of the U-Net (`UnetOptions.residuals`).
 *
 * Source: Zhang et al. 2023 (arXiv:2302.05543); diffusers `models/controlnets/controlnet.py`.
 *
 * @param input as for the U-Net. Channels of a mask, after those of the latents, are not read
 * @param hints the control, or several controls of a ControlNet Union. Row n of the batch reads picture n modulo count
 * @returns new tensors, which the caller disposes
 * @throws CoreError if the rows of the batch are not a multiple of the control pictures
 */
export function controlNet(
  ops: Ops,
  params: ControlNetParams,
  input: UnetInput,
  hints: readonly ControlNetHint[],
  options: ControlNetOptions = {},
): ControlNetResiduals {
  checkOps("ControlNet", ops)
  checkGiven("ControlNet: the params", params, "zero", "loadControlNet")
  checkGiven("ControlNet: the input", input, "latents", "the input of the U-Net")
  checkTensors("ControlNet", input)
  checkArgument("ControlNet: the hints", hints, "a list")
  if (hints.length === 0) throw new CoreError("control-count", "ControlNet: there is no hint, expected at least one")
  for (const hint of hints) {
    checkArgument("ControlNet: a hint", hint, "an object")
    checkArgument("ControlNet: the embedding of a hint", hint.embedding, "a tensor")
    checkArgument("ControlNet: the type of a hint", hint.type, "a finite number")
    if (params.union !== null) checkRanges("ControlNet: a hint", { type: hint.type }, { type: typeRange(params.union) })
  }
  checkOptions<ControlNetOptions>("ControlNet", options, { blocks: "an object", pictures: "a number" })
  const { blocks = composedBlocks, pictures = 1 } = options
  checkRanges("ControlNet", { pictures }, { pictures: { integer: true, min: 1, max: 4096 } })
  const [rows] = input.latents.shape
  if (rows % pictures !== 0)
    throw new CoreError("control-count", `ControlNet: ${pictures} pictures for ${rows} rows of the batch`)
  for (const { embedding } of hints) {
    const [count] = embedding.shape
    if (rows % count === 0) continue
    throw new CoreError("control-count", `ControlNet: ${count} control pictures for ${rows} rows of the batch`)
  }
  return tidyResiduals(() => {
    const on = enter(ops, params, input, hints)
    const [first, ...rest] = params.inputBlocks
    const latents = narrow(ops, ownChannels(params, input.latents))
    let h = tf.tidy(() => {
      const read = first === undefined ? latents : blocks.forward(on, first, { x: latents, skip: null })
      const own = hints.map(({ embedding, ...hint }) => ({ ...hint, embedding: fitted(embedding, read) }))
      const joined = params.union === null ? sumOf(own) : joinHints(ops, params.union, read, own, pictures)
      return tf.add(read, joined) as Tensor4D
    })
    const skips = [residual(ops, params.zero[0], h)]
    const run = (block: typeof params.middle): Tensor4D => {
      const next = tf.tidy(() => blocks.forward(on, block, { x: h, skip: null }))
      h.dispose()
      return next
    }
    for (const [i, block] of rest.entries()) {
      h = run(block)
      skips.push(residual(ops, params.zero[i + 1], h))
    }
    h = run(params.middle)
    return { skips, middle: residual(ops, params.middleZero, h) }
  })
}

function enter(ops: Ops, params: ControlNetParams, input: UnetInput, hints: readonly ControlNetHint[]): BlockContext {
  const { context } = input
  const embedding = tf.tidy(() => {
    const added = params.union === null ? null : embedTypes(ops, params.union, hints)
    return embedConditions(ops, params, input, params.config.unet.modelChannels, { added })
  })
  return {
    ops,
    tap: NO_TAP,
    pass: UNKNOWN_PASS,
    headDim: HEAD_DIM,
    embedding,
    context: narrow(ops, context),
    isWhole: tf.engine().state.gradientDepth === 0,
  }
}

/** The rows of a ControlNet Union's control types. */
const typeRange = ({ types }: UnionParams): NumberRange => ({ integer: true, min: 0, max: types - 1 })

const sumOf = (hints: readonly ControlNetHint[]): Tensor4D => tf.addN(hints.map(({ embedding }) => embedding))

/** The embedding of the size of the latents, which may grow during a run. One picture is broadcast to all rows. */
function fitted(hint: Tensor4D, latents: Tensor4D): Tensor4D {
  const sized = sizedLike(hint, latents)
  const [rows] = latents.shape
  const [count] = sized.shape
  return count === 1 || count === rows ? sized : tf.tile(sized, [rows / count, 1, 1, 1])
}

/** The latents without the channels that a checkpoint for inpainting has after them. */
function ownChannels({ config }: ControlNetParams, latents: Tensor4D): Tensor4D {
  const [n, height, width, channels] = latents.shape
  const { inChannels } = config.widths
  return channels === inChannels ? latents : tf.slice(latents, [0, 0, 0, 0], [n, height, width, inChannels])
}

function residual(ops: Ops, zero: ControlNetParams["middleZero"] | undefined, h: Tensor4D): Tensor4D {
  return (zero === undefined ? tf.zerosLike(h) : ops.linear(h, zero)) as Tensor4D
}
