import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { Conv2dWeight, Ops, Padding } from "../../ops/ops.ts"
import { checkOps } from "../given.ts"
import { runAtOnce, type Steps } from "../steps.ts"
import { LATENT_SCALE, VAE_FACTOR, VAE_NORM } from "./config.ts"
import { slicesToBind } from "./slice-sizes.ts"
import { type Cut, cutRows, joinRows, levelsInSlices, outInSlices } from "./slices.ts"
import type { VaeAttention, VaeCoderParams, VaeMiddle, VaeParams, VaeResBlock } from "./weights.ts"

const NORM = { ...VAE_NORM, silu: true }
const PLAIN_NORM = { ...VAE_NORM, silu: false }
const PAD_ONE: Padding = [1, 1, 1, 1]
const PAD_NONE: Padding = [0, 0, 0, 0]
/** The encoder's halving pads below and to the right only: LDM `modules/diffusionmodules/model.py`. */
const PAD_AFTER: Padding = [0, 1, 0, 1]

export interface VaeOptions {
  /**
   * Slices of rows into which a picture is cut, at most one for each row of latents. Memory then holds one tensor of the
   * finest level, and the inner tensors of one slice at a time. The result is the same except for rounding. It takes up to
   * half as much work again, because inner tensors are computed again for each of their readers. A device that takes no
   * tensor as large as a slice's (`Ops.maxTensorBytes`) gets more slices. Default: 1.
   */
  readonly slices?: number
}

/** A Gaussian over latents, not scaled. Both tensors are [N, H/8, W/8, 4]. */
export interface Posterior {
  readonly mean: Tensor4D
  /** From −30 to 20. */
  readonly logvar: Tensor4D
}

/**
 * Encodes pictures. image: [N, H, W, 3] in −1 … 1, sides multiples of 8. → mean and logvar: [N, H/8, W/8, 4]
 * Source: Rombach et al. 2022, `AutoencoderKL`.
 *
 * @throws CoreError if a side is not a multiple of 8, or if `slices` is not a positive integer
 */
export function encodeImage(ops: Ops, params: VaeParams, image: Tensor4D, options: VaeOptions = {}): Posterior {
  checkOps("vae", ops)
  checkGiven("vae: the params", params, "decoder", "loadVae")
  checkArgument("vae: image", image, "a tensor")
  checkArgument("vae: the options", options, "an object")
  return runAtOnce(encodeSteps(ops, params, image, options))
}

/** Encodes pictures as `encodeImage` does, in steps. A step is a block, or a layer of one slice. */
export function* encodeSteps(ops: Ops, params: VaeParams, image: Tensor4D, options: VaeOptions = {}): Steps<Posterior> {
  const [n, height, width, channels] = image.shape
  if (height % VAE_FACTOR !== 0 || width % VAE_FACTOR !== 0 || channels !== 3) {
    throw new CoreError(
      "shape",
      `vae: image is [${image.shape.join(", ")}], expected RGB with sides that are multiples of 8`,
    )
  }
  const cut = cutOf(ops, params, options, [n, height / VAE_FACTOR, width / VAE_FACTOR])
  const { encoder } = params
  const deep =
    cut.count === 1
      ? yield* inTurn(ops, tf.clone(image), levelsDown(ops, encoder))
      : joinRows(yield* levelsInSlices(ops, encoder, cutRows(image, cut), cut, "down"))
  const moments = yield* inTurn(ops, deep, [
    ...middle(ops, encoder.middle),
    (h) => ops.conv2d(ops.groupNorm(h, encoder.outNorm, NORM), encoder.outConv, { stride: 1, padding: PAD_ONE }),
    (h) => ops.conv2d(h, params.quant, { stride: 1, padding: PAD_NONE }),
  ])
  const posterior = tf.tidy(() => {
    const [mean, logvar] = tf.split(moments, 2, 3) as [Tensor4D, Tensor4D]
    return { mean, logvar: tf.clipByValue(logvar, -30, 20) }
  })
  moments.dispose()
  return posterior
}

/** Down to the latents' size. [N, 8H, 8W, 3] → [N, H, W, C] */
function levelsDown(ops: Ops, { inConv, levels }: VaeCoderParams): readonly Step[] {
  return [
    (h) => ops.conv2d(h, inConv, { stride: 1, padding: PAD_ONE }),
    ...levels.flatMap(({ blocks, resample }): readonly Step[] => [
      ...blocks.map(
        (block): Step =>
          (h) =>
            resBlock(ops, block, h),
      ),
      ...(resample === null ? [] : [(h: Tensor4D) => ops.conv2d(h, resample, { stride: 2, padding: PAD_AFTER })]),
    ]),
  ]
}

/**
 * A draw from the posterior in the U-Net's scale, which is 0.13025. noise: standard normal, of the mean's shape. Null
 * gives the mean.
 */
export function latentsOf(posterior: Posterior, noise: Tensor4D | null): Tensor4D {
  checkGiven("vae: the posterior", posterior, "logvar", "encodeImage")
  checkArgument("vae: the noise", noise, "a tensor or null")
  return tf.tidy(() => {
    const { mean, logvar } = posterior
    const drawn = noise === null ? mean : tf.add(mean, tf.mul(tf.exp(tf.mul(logvar, 0.5)), noise))
    return tf.mul(drawn, LATENT_SCALE) as Tensor4D
  })
}

/**
 * Decodes latents in the U-Net's scale. [N, H, W, 4] → [N, 8H, 8W, 3], about −1 … 1, not clamped
 *
 * @throws CoreError if `slices` is not a positive integer
 */
export function decodeLatents(ops: Ops, params: VaeParams, latents: Tensor4D, options: VaeOptions = {}): Tensor4D {
  checkOps("vae", ops)
  checkGiven("vae: the params", params, "decoder", "loadVae")
  checkArgument("vae: latents", latents, "a tensor")
  checkArgument("vae: the options", options, "an object")
  return runAtOnce(decodeSteps(ops, params, latents, options))
}

/** Decodes latents as `decodeLatents` does, in steps. A step is a block, or a layer of one slice. */
export function* decodeSteps(
  ops: Ops,
  params: VaeParams,
  latents: Tensor4D,
  options: VaeOptions = {},
): Steps<Tensor4D> {
  const cut = cutOf(ops, params, options, latents.shape)
  const { decoder } = params
  const deep = yield* inTurn(ops, tf.clone(latents), [
    (h) => ops.conv2d(tf.div(h, LATENT_SCALE), params.postQuant, { stride: 1, padding: PAD_NONE }),
    (h) => ops.conv2d(h, decoder.inConv, { stride: 1, padding: PAD_ONE }),
    ...middle(ops, decoder.middle),
  ])
  if (cut.count === 1) return yield* inTurn(ops, deep, levelsUp(ops, decoder))
  const rows = cutRows(deep, cut)
  deep.dispose()
  return joinRows(yield* outInSlices(ops, decoder, yield* levelsInSlices(ops, decoder, rows, cut, "up"), cut))
}

/** Up to the pictures' size. [N, H, W, C] → [N, 8H, 8W, 3] */
function levelsUp(ops: Ops, { levels, outNorm, outConv }: VaeCoderParams): readonly Step[] {
  const convolved = (h: Tensor4D, weight: Conv2dWeight): Tensor4D =>
    ops.conv2d(h, weight, { stride: 1, padding: PAD_ONE })
  return [
    ...levels.flatMap(({ blocks, resample }): readonly Step[] => [
      ...blocks.map(
        (block): Step =>
          (h) =>
            resBlock(ops, block, h),
      ),
      ...(resample === null ? [] : [(h: Tensor4D) => convolved(ops.upsample2x(h), resample)]),
    ]),
    (h) => convolved(ops.groupNorm(h, outNorm, NORM), outConv),
  ]
}

/**
 * How a picture is cut: into the requested number of slices, or more if the device needs more. Every slice has rows of latents.
 * latents: [N, H, W, …]
 */
function cutOf(
  { maxTensorBytes }: Ops,
  { config }: VaeParams,
  { slices = 1 }: VaeOptions,
  [n, rows, columns]: readonly [number, number, number, ...number[]],
): Cut {
  if (!Number.isSafeInteger(slices) || slices < 1) {
    throw new CoreError("option-range", `vae: slices is ${slices}, expected a positive integer`)
  }
  const picture = { height: VAE_FACTOR * rows, width: VAE_FACTOR * columns }
  const needed = maxTensorBytes === undefined ? 1 : slicesToBind(config, picture, maxTensorBytes / n)
  const count = Math.min(Math.max(slices, needed), rows)
  return { count, units: rows, finest: n * picture.height * picture.width * (config.channels[0] ?? 0) }
}

function middle(ops: Ops, params: VaeMiddle): readonly Step[] {
  return [
    (h) => resBlock(ops, params.block1, h),
    (h) => attention(ops, params.attention, h),
    (h) => resBlock(ops, params.block2, h),
  ]
}

function resBlock(ops: Ops, params: VaeResBlock, x: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const h = ops.conv2d(ops.groupNorm(x, params.norm1, NORM), params.conv1, { stride: 1, padding: PAD_ONE })
    const y = ops.conv2d(ops.groupNorm(h, params.norm2, NORM), params.conv2, { stride: 1, padding: PAD_ONE })
    const skip = params.skip === null ? x : ops.conv2d(x, params.skip, { stride: 1, padding: PAD_NONE })
    return tf.add(skip, y) as Tensor4D
  })
}

/** One head over all pixels. */
function attention(ops: Ops, params: VaeAttention, x: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [n, height, width, channels] = x.shape
    const normed = ops.groupNorm(x, params.norm, PLAIN_NORM)
    const tokens = tf.reshape(normed, [n, height * width, channels])
    const [q, k, v] = [params.q, params.k, params.v].map((weight) => ops.linear(tokens, weight)) as [
      Tensor3D,
      Tensor3D,
      Tensor3D,
    ]
    const attended = ops.linear(ops.attention(q, k, v, { heads: 1, causal: false }), params.out)
    return tf.add(x, tf.reshape(attended, x.shape)) as Tensor4D
  })
}

/** A step of the autoencoder. The scope around tracks new tensors. */
type Step = (x: Tensor4D) => Tensor4D

/** Applies steps in turn. Each frees its input at once, because a level's input is large. */
function* inTurn(ops: Ops, x: Tensor4D, steps: readonly Step[]): Steps<Tensor4D> {
  let h = x
  let isDone = false
  try {
    for (const step of steps) {
      const y = tf.tidy(() => step(h))
      h.dispose()
      h = y
      ops.trim?.()
      yield
    }
    isDone = true
    return h
  } finally {
    if (!isDone) h.dispose()
  }
}
