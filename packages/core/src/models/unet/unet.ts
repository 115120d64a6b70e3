import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { timestepEmbedding } from "../../diffusion/size-embedding.ts"
import { CoreError } from "../../errors.ts"
import type { Ops } from "../../ops/ops.ts"
import type { AtSite } from "./at-site.ts"
import { identityAtSite } from "./at-site.ts"
import type { BlockContext } from "./blocks.ts"
import { RES_NORM, runBlock } from "./blocks.ts"
import type { UnetParams } from "./params.ts"

export interface UnetInput {
  /** Noisy latents, already scaled for the network. [N, H, W, 4], H and W multiples of 4 */
  readonly latents: Tensor4D
  /** Training timesteps, 0 to 999, one per sample; fractions are allowed. */
  readonly timesteps: readonly number[]
  /** Text context. [N, T, contextDim] */
  readonly context: Tensor3D
  /** Pooled text followed by the size embedding. [N, pooledDim + 1536] */
  readonly vector: Tensor2D
}

export interface UnetOptions {
  readonly atSite?: AtSite
}

/**
 * SDXL's U-Net. What it predicts (noise or velocity) is the denoiser's business.
 * Source: sd-scripts `library/sdxl_original_unet.py`; Podell et al. 2023.
 *
 * @returns [N, H, W, 4]
 * @throws CoreError if the input's shapes do not fit the network
 */
export function unet(ops: Ops, params: UnetParams, input: UnetInput, options: UnetOptions = {}): Tensor4D {
  checkInput(params, input)
  return tf.tidy(() => {
    const given: BlockContext = {
      ops,
      atSite: options.atSite ?? identityAtSite,
      embedding: embedConditions(ops, params, input.timesteps, input.vector),
      context: input.context,
    }
    // Down: what each block leaves is read again on the way up.
    const skips: Tensor4D[] = []
    let h = input.latents
    for (const block of params.inputBlocks) {
      h = runBlock(given, block, h)
      skips.push(h)
    }
    h = runBlock(given, params.middle, h)
    for (const block of params.outputBlocks) h = runBlock(given, block, joinSkip(h, skips.pop() as Tensor4D))
    return predict(ops, params, h)
  })
}

/** SiLU of the sum of time and size embedding, as every residual block reads it. → [N, 4·C] */
export function embedConditions(ops: Ops, params: UnetParams, timesteps: readonly number[], vector: Tensor2D): Tensor {
  return tf.tidy(() => {
    const width = params.config.layout.modelChannels
    const waves = tf.stack(timesteps.map((timestep) => tf.tensor1d(timestepEmbedding(timestep, width))))
    const mlp = (x: Tensor, [first, second]: UnetParams["timeEmbedding"]): Tensor =>
      ops.linear(ops.silu(ops.linear(x, first)), second)
    return ops.silu(tf.add(mlp(waves, params.timeEmbedding), mlp(vector, params.labelEmbedding)))
  })
}

/** What an output block reads. [N, H, W, A] and [N, H, W, B] → [N, H, W, A + B] */
export function joinSkip(h: Tensor4D, skip: Tensor4D): Tensor4D {
  return tf.concat([h, skip], 3)
}

/** The last norm and convolution. [N, H, W, C] → [N, H, W, 4] */
export function predict(ops: Ops, params: UnetParams, h: Tensor4D): Tensor4D {
  return tf.tidy(() =>
    ops.conv2d(ops.groupNorm(h, params.outNorm, RES_NORM), params.outConv, { stride: 1, padding: [1, 1, 1, 1] }),
  )
}

/** @throws CoreError if the input's shapes do not fit the network */
export function checkInput(params: UnetParams, { latents, timesteps, context, vector }: UnetInput): void {
  const { contextDim, pooledDim, latentChannels } = params.config
  const [n, height, width, channels] = latents.shape
  const expect = (good: boolean, what: string, came: string, wanted: string): void => {
    if (!good) throw new CoreError(`unet: ${what} ${came}, expected ${wanted}`)
  }
  expect(channels === latentChannels, "latents are", `[${latents.shape.join(", ")}]`, `${latentChannels} channels last`)
  expect(
    height % 4 === 0 && width % 4 === 0,
    "latents are",
    `${width}×${height}`,
    "multiples of 4, that is pictures whose sides are multiples of 32 px",
  )
  expect(timesteps.length === n, "timesteps are", `${timesteps.length}`, `one for each of ${n} samples`)
  expect(
    context.shape[0] === n && context.shape[2] === contextDim,
    "context is",
    `[${context.shape.join(", ")}]`,
    `[${n}, T, ${contextDim}]`,
  )
  const vectorDim = pooledDim + 1536
  expect(
    vector.shape[0] === n && vector.shape[1] === vectorDim,
    "vector is",
    `[${vector.shape.join(", ")}]`,
    `[${n}, ${vectorDim}]`,
  )
}
