import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { sizeEmbedding } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import type { Ops } from "../ops/ops.ts"
import type { EmbeddingNormalization, PromptOptions } from "../prompt/options.ts"
import { checkPromptOptions, isComfyUiSyntax, PROMPT_DEFAULTS } from "../prompt/options.ts"
import { sharedChunks, type TextMix } from "../prompt/text-mix.ts"
import type { WeightedText } from "../prompt/weights.ts"
import { captionTokens, captionWeights } from "./clip/caption-tokens.ts"
import { CONTEXT_LENGTH, joinedPositions, tokenChunks } from "./clip/prompt.ts"
import type { EncodeTextOptions, TextEncoding } from "./clip/text-encoder.ts"
import { encodeTextSteps } from "./clip/text-encoder.ts"
import type { Tokenizer } from "./clip/tokenizer.ts"
import type { WeightedRows } from "./clip/weighted-prompt.ts"
import { chunkCount, promptTokenChunks, readPrompt, sdScriptsRows, weightedRows } from "./clip/weighted-prompt.ts"
import type { TextEncoderParams } from "./clip/weights.ts"
import { checkOps, checkTokenizer } from "./given.ts"
import { runAtOnce, type Steps } from "./steps.ts"
import { joinPooled, joinRows, planRows, type TextRows } from "./text-rows.ts"

/** SDXL's tokenizer and two text encoders. */
export interface TextModel {
  readonly tokenizer: Tokenizer
  readonly text1: TextEncoderParams
  readonly text2: TextEncoderParams
}

/** The U-Net's conditions from a prompt. The caller disposes both tensors. */
export interface TextCondition {
  /** `[N, chunks · CONTEXT_LENGTH, contextDim]`: the hidden states of both encoders, side by side. */
  readonly context: Tensor3D
  /** `[N, pooledDim]`: the second encoder's pooled state. */
  readonly pooled: Tensor2D
}

/** The padding of SDXL's second encoder. The first pads with the end token. */
const TEXT2_PAD = 0

/** How captions are encoded. */
export interface EncodePromptOptions extends EncodeTextOptions {
  /** Chunks of 75 tokens that are read of each. The rest is cut. Default: 1. */
  readonly chunks?: number
  /**
   * Whether `(word:1.2)` and its like are weights, which multiply the hidden states of their tokens. Sizes are not
   * normalised. Default: false, every sign is text
   */
  readonly isWeighted?: boolean
}

/**
 * Encodes captions as sd-scripts does for training, through the tap of both encoders. N captions → N rows of 75 tokens
 * for each chunk, between one start and one end. The pooled state is the first chunk's.
 *
 * Source: sd-scripts `library/strategy_sdxl.py`, with `max_token_length` of 75 · chunks.
 *
 * @throws CoreError when `chunks` is not a positive integer
 */
export function encodePrompts(
  ops: Ops,
  model: TextModel,
  prompts: readonly string[],
  options: EncodePromptOptions = {},
): TextCondition {
  checkOps("prompts", ops)
  checkGiven("prompts: the model", model, "tokenizer", "loadSdxl")
  checkArgument("prompts: the list", prompts, "a list of texts")
  checkArgument("prompts: the options", options, "an object")
  return runAtOnce(encodePromptSteps(ops, model, prompts, options))
}

/** Encodes captions as `encodePrompts` does, in steps. A step is a layer of an encoder. */
export function* encodePromptSteps(
  ops: Ops,
  model: TextModel,
  prompts: readonly string[],
  { chunks = 1, isWeighted = false, ...options }: EncodePromptOptions = {},
): Steps<TextCondition> {
  const { tokenizer } = model
  const tokens = prompts.map((prompt) => captionTokens(tokenizer, prompt, isWeighted))
  const hasWeight = tokens.some((caption) => caption.some(({ weight }) => weight !== 1))
  const weights = hasWeight ? tokens.map((caption) => captionWeights(caption, chunks)) : null
  return yield* sideBySide(model, function* (params, padId) {
    const ids = tokens.flatMap((caption) => {
      const words = caption.map(({ id }) => id)
      const all = tokenChunks(tokenizer, words, padId, chunks)
      return Array.from({ length: chunks }, (_, i) => all.subarray(i * CONTEXT_LENGTH, (i + 1) * CONTEXT_LENGTH))
    })
    const encoding = yield* encodeTextSteps(ops, params, ids, tokenizer.endId, options)
    const joined = chunks === 1 ? encoding : joinChunks(encoding, chunks)
    return weights === null ? joined : weighJoined(joined, weights, chunks)
  })
}

/** Multiplies joined states by the weights of their chunks' places. Disposes `hidden`. */
function weighJoined({ hidden, pooled }: TextEncoding, weights: readonly Float32Array[], chunks: number): TextEncoding {
  const places = joinedPositions(chunks)
  const rows = weights.map((row) => Array.from(places, (place) => row[place] as number))
  const weighed = tf.tidy(() => tf.mul(hidden, tf.expandDims(tf.tensor2d(rows), 2)) as Tensor3D)
  hidden.dispose()
  return { hidden: weighed, pooled }
}

/** Joins the chunks of each prompt to one row, and keeps the first one's pooled state. Disposes `encoding`. */
function joinChunks({ hidden, pooled }: TextEncoding, chunks: number): TextEncoding {
  const [rows, , width] = hidden.shape
  const [joined, first = null] = tf.tidy((): tf.Tensor[] => {
    const count = rows / chunks
    const tokens = tf.reshape(hidden, [count, chunks * CONTEXT_LENGTH, width])
    const firsts = Array.from({ length: count }, (_, n) => n * chunks)
    return [
      tf.gather(tokens, tf.tensor1d(joinedPositions(chunks), "int32"), 1),
      ...(pooled === null ? [] : [tf.gather(pooled, tf.tensor1d(firsts, "int32"))]),
    ]
  })
  tf.dispose([hidden, ...(pooled === null ? [] : [pooled])])
  return { hidden: joined as Tensor3D, pooled: first as Tensor2D | null }
}

/** How prompts for pictures are encoded. */
export interface WeightedPromptOptions extends PromptOptions, Pick<EncodeTextOptions, "tap"> {
  /** What the first encoder reads of each prompt. Default: the prompts. */
  readonly firstPrompts?: readonly string[]
  /** What the states of each prompt become. Null: they stay. Default: all stay. */
  readonly mixes?: readonly (TextMix | null)[]
}

/**
 * Encodes prompts for pictures: weights, `BREAK`, and chunks of 75 tokens for long ones. All prompts get as many chunks,
 * see `sharedChunks`. N prompts → N rows of chunks · 77
 *
 * The weights multiply the hidden states of their tokens. The pooled state is the first chunk's, without weights.
 *
 * Source: sd-scripts `gen_img.py`, `get_weighted_text_embeddings`.
 *
 * @throws CoreError when an option is out of its range
 */
export function encodeWeightedPrompts(
  ops: Ops,
  model: TextModel,
  prompts: readonly string[],
  options: WeightedPromptOptions = {},
): TextCondition {
  checkOps("prompts", ops)
  checkGiven("prompts: the model", model, "tokenizer", "loadSdxl")
  checkArgument("prompts: the list", prompts, "a list of texts")
  checkArgument("prompts: the options", options, "an object")
  return runAtOnce(encodeWeightedPromptSteps(ops, model, prompts, options))
}

/** Encodes prompts as `encodeWeightedPrompts` does, in steps. A step is a layer of an encoder. */
export function* encodeWeightedPromptSteps(
  ops: Ops,
  model: TextModel,
  prompts: readonly string[],
  { tap, firstPrompts = prompts, mixes = prompts.map(() => null), ...options }: WeightedPromptOptions = {},
): Steps<TextCondition> {
  const { tokenizer } = model
  const { clipSkip, normalization, compat, syntax } = { ...PROMPT_DEFAULTS, ...options }
  const mixed = mixes.flatMap((mix) => mix?.others ?? []).map(({ text }) => text)
  const [texts, firstTexts] = [
    [...prompts, ...mixed],
    [...firstPrompts, ...mixed],
  ]
  const counts = texts.map((text, i) =>
    Math.max(...[text, firstTexts[i] ?? text].map((each) => countChunks(tokenizer, each, options))),
  )
  const own = counts.slice(0, prompts.length)
  const chunks = sharedChunks(own, syntax)
  const isRepeated = isComfyUiSyntax(syntax) && own.every((count) => chunks % count === 0)
  let start = 0
  const textRows = counts.map((count): TextRows => {
    const rows = { start, count: isRepeated ? count : chunks }
    start += rows.count
    return rows
  })
  const plan = planRows(textRows, mixes, chunks)
  const rowsOf = compat === "sd-scripts" ? sdScriptsRows : ourRows
  return yield* sideBySide(model, function* (params, padId) {
    const rows = (params === model.text1 ? firstTexts : texts).map((text, i) =>
      rowsOf(tokenizer, readPrompt(text, syntax), padId, textRows[i]?.count ?? chunks),
    )
    // ComfyUI measures weights from the states of an empty prompt.
    const empty = isComfyUiSyntax(syntax) && rows.some(hasWeights) ? weightedRows(tokenizer, [[]], padId, 1).ids : []
    const ids = [...rows.flatMap(({ ids }) => ids), ...empty]
    const { hidden, pooled } = yield* encodeTextSteps(ops, params, ids, tokenizer.endId, {
      clipSkip,
      ...(tap === undefined ? {} : { tap }),
    })
    const [states, first = null] = tf.tidy((): tf.Tensor[] => {
      const states = tf.slice(hidden, 0, start)
      const none = empty.length === 0 ? null : tf.slice(hidden, start, 1)
      const weighed = none === null ? weigh(states, rows, normalization) : weighFrom(none, states, rows)
      return [joinRows(weighed, plan), ...(pooled === null ? [] : [joinPooled(pooled, plan)])]
    })
    tf.dispose([hidden, ...(pooled === null ? [] : [pooled])])
    return { hidden: states as Tensor3D, pooled: first as Tensor2D | null }
  })
}

/** The hidden states of both encoders, and the pooled state of the second. */
function* sideBySide(
  { tokenizer, text1, text2 }: TextModel,
  encode: (params: TextEncoderParams, padId: number) => Steps<TextEncoding>,
): Steps<TextCondition> {
  const first = yield* encode(text1, tokenizer.endId)
  try {
    const second = yield* encode(text2, TEXT2_PAD)
    const context = tf.concat([first.hidden, second.hidden], 2)
    second.hidden.dispose()
    return { context, pooled: second.pooled as Tensor2D }
  } finally {
    tf.dispose([first.hidden, ...(first.pooled === null ? [] : [first.pooled])])
  }
}

/** The number of chunks of 75 tokens that are read of a prompt, at least one. */
export function countChunks(tokenizer: Tokenizer, prompt: string, options: PromptOptions = {}): number {
  checkTokenizer("prompt", tokenizer)
  checkArgument("prompt: the text", prompt, "text")
  checkArgument("prompt: the options", options, "an object")
  checkPromptOptions("prompt", options)
  const { syntax, maxChunks, compat } = { ...PROMPT_DEFAULTS, ...options }
  const count = chunkCount(tokenizer, readPrompt(prompt, syntax), compat)
  return Math.min(count, maxChunks ?? count)
}

function ourRows(tokenizer: Tokenizer, prompt: readonly WeightedText[], padId: number, rows: number): WeightedRows {
  return weightedRows(tokenizer, promptTokenChunks(tokenizer, prompt), padId, rows)
}

/** Whether a token of a prompt has a weight. */
function hasWeights({ weights }: WeightedRows): boolean {
  return weights.some((row) => row.some((weight) => weight !== 1))
}

/**
 * Moves states away from those of an empty prompt, by the weights of their tokens: `none + (state - none) · weight`.
 * none: [1, 77, width], states: [rows, 77, width] → the shape of states
 *
 * Source: ComfyUI a125cd8, `comfy/sd1_clip.py`, `ClipTokenWeightEncoder`.
 */
function weighFrom(none: tf.Tensor, states: Tensor3D, texts: readonly WeightedRows[]): Tensor3D {
  const weights = tf.expandDims(tf.tensor2d(texts.flatMap(({ weights }) => weights.map((row) => [...row]))), 2)
  return tf.add(none, tf.mul(tf.sub(states, none), weights)) as Tensor3D
}

/** Multiplies states by the weights of their tokens. Each text has as many rows. states: [rows, 77, width] → the same shape */
function weigh(states: Tensor3D, texts: readonly WeightedRows[], normalization: EmbeddingNormalization): Tensor3D {
  if (!texts.some(hasWeights)) return states
  const weights = texts.map(({ weights }) => weights.flatMap((row) => [...row]))
  const whole = tf.reshape(states, [texts.length, -1, states.shape[2]]) as Tensor3D
  const weighed = tf.mul(whole, tf.expandDims(tf.tensor2d(weights), 2)) as Tensor3D
  const size = (x: Tensor3D): tf.Tensor => tf.mean(normalization === "abs" ? tf.abs(x) : x, [1, 2], true)
  const sized = normalization === "none" ? weighed : tf.mul(weighed, tf.div(size(whole), size(weighed)))
  return tf.reshape(sized, states.shape)
}

/**
 * The U-Net's vector condition: pooled text, then the size embedding.
 * pooled: [N, pooledDim], sizes: one for each row → [N, pooledDim + SIZE_EMBEDDING_DIM]
 */
export function conditionVector(pooled: Tensor2D, sizes: readonly SizeCondition[]): Tensor2D {
  checkArgument("sizes: the pooled text", pooled, "a tensor")
  checkArgument("sizes: the list", sizes, "a list")
  if (sizes.length !== pooled.shape[0]) {
    throw new CoreError(
      "row-count",
      `sizes: there are ${sizes.length}, expected one for each of ${pooled.shape[0]} rows of the pooled text`,
    )
  }
  return tf.tidy(() =>
    tf.concat([pooled, tf.stack(sizes.map((size) => tf.tensor1d(sizeEmbedding(size)))) as Tensor2D], 1),
  )
}
