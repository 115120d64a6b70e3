import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { sizeEmbedding } from "../diffusion/size-embedding.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import { inferTextConfigs } from "./clip/config.ts"
import { promptIds } from "./clip/prompt.ts"
import { encodeText } from "./clip/text-encoder.ts"
import type { Tokenizer } from "./clip/tokenizer.ts"
import type { TextEncoderParams, TextLoadOptions } from "./clip/weights.ts"
import { loadText1, loadText2 } from "./clip/weights.ts"
import type { UnetParams } from "./unet/params.ts"
import { loadUnet } from "./unet/weights.ts"
import type { VaeParams } from "./vae/weights.ts"
import { loadVae } from "./vae/weights.ts"
import type { WeightFile } from "./weight-reader.ts"

/** SDXL's two text encoders and the tokenizer before them. */
export interface TextModel {
  readonly tokenizer: Tokenizer
  readonly text1: TextEncoderParams
  readonly text2: TextEncoderParams
}

/** All of SDXL on a device, with the ops that run it. */
export interface Sdxl extends TextModel {
  readonly ops: Ops
  readonly unet: UnetParams
  readonly vae: VaeParams
  /** What the U-Net was trained to predict. */
  readonly prediction: "epsilon" | "v"
  dispose(): void
}

export interface LoadSdxlOptions extends TextLoadOptions {
  /** `epsilon` unless the checkpoint is known to be a v-prediction one. */
  readonly prediction?: "epsilon" | "v"
}

/**
 * Loads an SDXL checkpoint of any width in the Stability layout.
 *
 * @throws CoreError naming everything that the file lacks
 */
export async function loadSdxl(
  ops: Ops,
  file: WeightFile,
  tokenizer: Tokenizer,
  options: LoadSdxlOptions = {},
): Promise<Sdxl> {
  const configs = inferTextConfigs(file)
  const parts = {
    text1: await loadText1(file, ops.load, configs.text1),
    text2: await loadText2(file, ops.load, configs.text2, options),
    unet: await loadUnet(file, ops.load),
    vae: await loadVae(file, ops.load),
  }
  const prediction = options.prediction ?? "epsilon"
  return { ...parts, ops, tokenizer, prediction, dispose: () => disposeParams(parts) }
}

/** What the U-Net is told of a prompt. The caller disposes both tensors. */
export interface TextCondition {
  /** [N, 77, contextDim]: both encoders' last layer but one, side by side. */
  readonly context: Tensor3D
  /** [N, pooledDim]: the second encoder's pooled state. */
  readonly pooled: Tensor2D
}

/** Encodes prompts as sd-scripts trains with them. N prompts → N rows */
export function encodePrompts(ops: Ops, model: TextModel, prompts: readonly string[]): TextCondition {
  const { tokenizer, text1, text2 } = model
  const { endId } = tokenizer
  const first = encodeText(
    ops,
    text1,
    prompts.map((prompt) => promptIds(tokenizer, prompt, endId)),
    endId,
  )
  // The second encoder was trained with another padding.
  const second = encodeText(
    ops,
    text2,
    prompts.map((prompt) => promptIds(tokenizer, prompt, 0)),
    endId,
  )
  const context = tf.concat([first.penultimate, second.penultimate], 2)
  tf.dispose([first.penultimate, second.penultimate])
  return { context, pooled: second.pooled as Tensor2D }
}

/** The U-Net's vector condition: pooled text, then the size embedding. One size for each row → [N, pooledDim + 1536] */
export function conditionVector(pooled: Tensor2D, sizes: readonly SizeCondition[]): Tensor2D {
  return tf.tidy(() =>
    tf.concat([pooled, tf.stack(sizes.map((size) => tf.tensor1d(sizeEmbedding(size)))) as Tensor2D], 1),
  )
}
