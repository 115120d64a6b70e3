import { UNION_TYPE_DIM } from "@lllite/format/identify"
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { sinusoidalEmbedding } from "../../diffusion/size-embedding.ts"
import type { Ops } from "../../ops/ops.ts"
import type { ControlNetHint } from "./hint.ts"
import type { UnionBlockParams, UnionParams } from "./params.ts"

const NORM_EPSILON = 1e-5
/** Heads of the attention, in every published file. */
const HEADS = 8

/** The embedding of the control types that are present, which is added to that of the time. → [1, 4·C] */
export function embedTypes(ops: Ops, { types, typeEmbedding }: UnionParams, hints: readonly ControlNetHint[]): Tensor {
  return tf.tidy(() => {
    const waves = Array.from({ length: types }, (_, type) =>
      tf.tensor1d(sinusoidalEmbedding(hints.some((hint) => hint.type === type) ? 1 : 0, UNION_TYPE_DIM)),
    )
    const [first, second] = typeEmbedding
    return ops.linear(ops.silu(ops.linear(tf.expandDims(tf.concat(waves), 0), first)), second)
  })
}

/**
 * The sum of several controls, each with a shift for each channel. A small transformer over the means of the controls
 * and of the latents gives the shifts.
 *
 * Its attention joins the rows of a picture, with and without the prompt, and not the controls. The models were trained
 * so, over the rows of a batch. With one picture in the batch, this is diffusers' way. Several pictures do not mix here.
 *
 * Source: diffusers `models/controlnets/controlnet_union.py`.
 *
 * @param latents after the first convolution. [N, H, W, C]
 * @param hints embeddings of the size of the latents. [N or 1, H, W, C]
 * @param pictures row n of the batch belongs to picture n modulo this
 */
export function joinHints(
  ops: Ops,
  union: UnionParams,
  latents: Tensor4D,
  hints: readonly ControlNetHint[],
  pictures: number,
): Tensor4D {
  return tf.tidy(() => {
    const means = hints.map(({ embedding, type }) => {
      const task = tf.reshape(ops.lookUp(union.tasks, [[type]]), [1, -1])
      const mean = tf.add(tf.mean(embedding, [1, 2]), task) as Tensor2D
      return tf.tile(mean, [latents.shape[0] / mean.shape[0], 1])
    })
    const tokens = tf.stack([...means, tf.mean(latents, [1, 2])], 1) as Tensor3D
    const read = union.blocks.reduce((x, block) => unionBlock(ops, block, x, pictures), tokens)
    const shifts = tf.unstack(ops.linear(read, union.shifts), 1)
    return hints
      .map(({ embedding }, i) => tf.add(embedding, tf.expandDims(tf.expandDims(shifts[i] as Tensor, 1), 1)))
      .reduce((sum, one) => tf.add(sum, one)) as Tensor4D
  })
}

/** x: [N, tokens, width] → same. A row attends to the rows of the same picture, at the same token. */
function unionBlock(ops: Ops, block: UnionBlockParams, x: Tensor3D, pictures: number): Tensor3D {
  return tf.tidy(() => {
    const [rows, tokens, width] = x.shape
    const byPicture = [rows / pictures, pictures * tokens, width]
    const across = (h: Tensor): Tensor => tf.transpose(tf.reshape(h, byPicture), [1, 0, 2])
    const back = (h: Tensor): Tensor => tf.reshape(tf.transpose(h, [1, 0, 2]), x.shape)
    const normed = across(ops.layerNorm(x, block.norm1, NORM_EPSILON))
    const [q, k, v] = tf.split(ops.linear(normed, block.qkv), 3, 2) as [Tensor3D, Tensor3D, Tensor3D]
    const attended = ops.linear(ops.attention(q, k, v, { heads: HEADS, causal: false }), block.out)
    const h = tf.add(x, back(attended))
    const fed = ops.quickGelu(ops.linear(ops.layerNorm(h, block.norm2, NORM_EPSILON), block.feedIn))
    return tf.add(h, ops.linear(fed, block.feedOut)) as Tensor3D
  })
}
