import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven, checkOptions, type OptionKinds } from "../argument.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import type { Tokenizer } from "../models/clip/tokenizer.ts"
import { checkOps, checkTokenizer } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runAtOnce, type Steps } from "../models/steps.ts"
import { chainTaps, type Tap } from "../models/taps.ts"
import { conditionVector, countChunks, encodeWeightedPromptSteps } from "../models/text.ts"
import { type PromptPart, partsOfPrompt } from "../prompt/composed.ts"
import { PROMPT_DEFAULTS, type PromptOptions } from "../prompt/options.ts"
import { sharedChunks, type TextMix } from "../prompt/text-mix.ts"
import { REQUEST_KINDS } from "./option-kinds.ts"
import { mixOf, type PartSettings } from "./part-settings.ts"
import type { PictureRequest } from "./request.ts"

/** The U-Net's conditions for a batch of pictures. The caller disposes them. */
export interface Conditions {
  readonly pictures: number
  /** Whether the rows are doubled, with all negative prompts first, then the prompts. */
  readonly guided: boolean
  /** [rows, tokens, contextDim] */
  readonly context: Tensor3D
  /** Pooled text and sizes. [rows, vectorDim] */
  readonly vector: Tensor2D
  /** The further parts of composed prompts (`AND`). Each has a row for every picture. */
  readonly further: readonly Pick<Conditions, "context" | "vector">[]
  /** The further parts of composed negative prompts. Each has a row for every picture. */
  readonly furtherNegatives: readonly Pick<Conditions, "context" | "vector">[]
  /** The empty prompt, with a row for every picture. Null without a scale for the negative prompt. */
  readonly empty: Pick<Conditions, "context" | "vector"> | null
  /** The text of every part, with a row for every picture, where parts act in regions. Null: they guide one by one. */
  readonly parts: readonly Tensor3D[] | null
  /** The weight of each part for each picture: [parts][pictures]. 0 where a picture has fewer parts. */
  readonly weights: readonly (readonly number[])[]
  dispose(): void
}

export interface ConditionOptions {
  /** Whether negative prompts are encoded, which guidance needs. */
  readonly guided: boolean
  /** Whether guidance begins at the empty prompt, see `GenerateOptions.negativeScale`. Default: false. */
  readonly fromEmpty?: boolean
  readonly size: SizeCondition
  /** The same for the negative prompts. Default: `size`. */
  readonly negativeSize?: SizeCondition | undefined
  /** How prompts are read. */
  readonly prompts?: PromptOptions
  /** The tap of both text encoders. Default: no tap. */
  readonly tap?: Tap
  /**
   * For parts that act in regions: a tap for each part, before `tap`. The pass then reads the pooled text of the last
   * part, as in sd-scripts. Default: null, parts guide one by one.
   */
  readonly partTaps?: readonly Tap[] | null
  /** Whose states parts of the prompts have. Default: null, those of their texts. */
  readonly parts?: readonly PartSettings[] | null
  /** Parts of the negative prompts. Default: null, each is one text. */
  readonly negativeParts?: readonly PartSettings[] | null
}

const CONDITION_KINDS: OptionKinds<ConditionOptions> = {
  guided: "true or false",
  fromEmpty: "true or false",
  size: "an object",
  negativeSize: "an object",
  prompts: "an object",
  tap: "an object",
  partTaps: "a list or null",
  parts: "a list or null",
  negativeParts: "a list or null",
}

function checkTexts(place: string, request: unknown): void {
  checkOptions<PictureRequest>(place, request, REQUEST_KINDS, ["prompt"])
}

/**
 * The number of chunks of 75 tokens that a picture's prompts need. A picture in a batch is the same as alone if all of
 * the batch need the same number.
 */
export function chunksNeeded(
  tokenizer: Tokenizer,
  request: Omit<PictureRequest, "seed">,
  options: Pick<ConditionOptions, "guided" | "prompts" | "negativeParts">,
): number {
  checkTokenizer("prompts", tokenizer)
  checkTexts("prompts", request)
  checkArgument("prompts: the options", options, "an object")
  const { prompt, negativePrompt = "", firstPrompt, firstNegativePrompt } = request
  const { guided, prompts, negativeParts = null } = options
  const count = (texts: readonly string[], first: string | undefined): readonly number[] =>
    texts.map((text, i) =>
      Math.max(...[text, (i === 0 ? first : undefined) ?? text].map((each) => countChunks(tokenizer, each, prompts))),
    )
  const parts = partsOfPrompt(prompt, prompts).map(({ text }) => text)
  const counts = [
    ...count(parts, firstPrompt),
    ...(guided ? count(negativesOf(negativePrompt, negativeParts, prompts), firstNegativePrompt) : []),
  ]
  return sharedChunks(counts, prompts?.syntax ?? PROMPT_DEFAULTS.syntax)
}

/** The texts of a negative prompt: its parts, or all of it. */
function negativesOf(
  negativePrompt: string,
  parts: readonly PartSettings[] | null,
  prompts: PromptOptions | undefined,
): readonly string[] {
  return parts === null ? [negativePrompt] : partsOfPrompt(negativePrompt, prompts).map(({ text }) => text)
}

/**
 * Encodes the prompts of a batch of N pictures, and their size. All get as many chunks of tokens as the longest needs.
 * With guidance there are 2N rows, the unconditional ones first. The caller disposes the result.
 */
export function encodeConditions(
  sdxl: Sdxl,
  requests: readonly Omit<PictureRequest, "seed">[],
  options: ConditionOptions,
): Conditions {
  checkGiven("generate: the SDXL", sdxl, "text1", "loadSdxl")
  checkOps("generate", sdxl.ops)
  checkArgument("generate: the requests", requests, "a list")
  if (requests.length === 0) {
    throw new CoreError("request-empty", "generate: there is no request, expected at least one")
  }
  for (const [index, request] of requests.entries()) checkTexts(`generate: request ${index + 1}`, request)
  checkOptions<ConditionOptions>("generate", options, CONDITION_KINDS, ["guided", "size"])
  return runAtOnce(encodeConditionSteps(sdxl, requests, options))
}

/** Encodes conditions as `encodeConditions` does, in steps. A step is a layer of a text encoder. */
export function* encodeConditionSteps(
  sdxl: Sdxl,
  requests: readonly Omit<PictureRequest, "seed">[],
  {
    guided,
    fromEmpty = false,
    size,
    negativeSize = size,
    prompts: promptOptions = {},
    tap,
    partTaps = null,
    parts: settings = null,
    negativeParts = null,
  }: ConditionOptions,
): Steps<Conditions> {
  const pictures = requests.length
  const parts = requests.map(({ prompt }) => partsOfPrompt(prompt, promptOptions))
  const count = Math.max(...parts.map(({ length }) => length))
  const numbered = Array.from({ length: count }, (_, i) => parts.map((own) => own[i] ?? { text: "", weight: 0 }))
  const prompts = numbered.flatMap((row) => row.map(({ text }) => text))
  const negativeTexts = requests.map(({ negativePrompt = "" }) =>
    negativesOf(negativePrompt, negativeParts, promptOptions),
  )
  const negativeCount = guided ? (negativeParts?.length ?? 1) : 0
  /** The negative prompts, part by part. */
  const allNegatives = Array.from({ length: negativeCount }, (_, i) => negativeTexts.map((own) => own[i] ?? ""))
  const negatives = allNegatives[0] ?? []
  const moreNegatives = allNegatives.slice(1).flat()
  // The empty prompt comes first, so that the prompts stay last.
  const empties = guided && fromEmpty ? requests.map(() => "") : []
  const before = [...empties, ...moreNegatives]
  const texts = [...before, ...negatives, ...prompts]
  const firstNegatives = guided ? requests.map(({ firstNegativePrompt }, i) => firstNegativePrompt ?? negatives[i]) : []
  // The first part of each picture's prompt comes first, and only it has a text of the first encoder's own.
  const firsts = prompts.map((text, i) => requests[i]?.firstPrompt ?? text)
  const firstPrompts = [...before, ...firstNegatives, ...firsts].map((text) => text ?? "")
  const mixesOf = (own: readonly PartSettings[] | null, length: number): readonly (TextMix | null)[] =>
    Array.from({ length }, (_, i) => own?.[i])
      .flatMap((part) => requests.map(() => part))
      .map((part) => (part === undefined ? null : mixOf(part)))
  const negativeMixes = mixesOf(negativeParts, negativeCount)
  const mixes = [
    ...empties.map(() => null),
    ...negativeMixes.slice(negatives.length),
    ...negativeMixes.slice(0, negatives.length),
    ...mixesOf(settings, count),
  ]
  const textOptions = { ...promptOptions, firstPrompts, mixes, ...(tap === undefined ? {} : { tap }) }
  let encoded = yield* encodeWeightedPromptSteps(sdxl.ops, sdxl, texts, textOptions)
  for (const [part, own] of (partTaps ?? []).slice(0, count).entries()) {
    const options = { ...textOptions, tap: tap === undefined ? own : chainTaps([own, tap]) }
    const again = yield* encodeWeightedPromptSteps(sdxl.ops, sdxl, texts, options)
    const from = texts.length + (part - count) * pictures
    encoded = withRows(encoded, again, from, pictures)
  }
  const pooled =
    promptOptions.compat === "sd-scripts" || partTaps !== null
      ? lastPooled(encoded.pooled, parts, count)
      : encoded.pooled
  const vectors = conditionVector(pooled, [
    ...[...before, ...negatives].map(() => negativeSize),
    ...prompts.map(() => size),
  ])
  tf.dispose([pooled, encoded.pooled])
  const first = negatives.length + pictures
  const isFromEmpty = empties.length > 0
  const leading = (isFromEmpty ? 1 : 0) + Math.max(0, negativeCount - 1)
  const sizes = [...Array<number>(leading).fill(pictures), first, ...Array<number>(count - 1).fill(pictures)]
  const contexts = tf.split(encoded.context, sizes) as Tensor3D[]
  const split = tf.split(vectors, sizes) as Tensor2D[]
  tf.dispose([encoded.context, vectors])
  const all = contexts.map((context, i) => ({ context, vector: split[i] as Tensor2D }))
  const empty = isFromEmpty ? (all[0] ?? null) : null
  const furtherNegatives = all.slice(isFromEmpty ? 1 : 0, leading)
  const [main, ...further] = all.slice(leading) as [(typeof all)[number], ...typeof all]
  if (partTaps !== null) {
    const regional = regionalContexts(main, further, negatives.length)
    tf.dispose(further.flatMap((one) => [one.context, one.vector]))
    return {
      ...{ pictures, guided, empty, further: [], furtherNegatives, parts: regional.parts, context: regional.context },
      ...{ vector: main.vector, weights: numbered.map((row) => row.map(({ weight }) => weight)) },
      dispose() {
        tf.dispose([main.context, main.vector, regional.context, ...regional.parts])
        tf.dispose(
          [...furtherNegatives, ...(empty === null ? [] : [empty])].flatMap((one) => [one.context, one.vector]),
        )
      },
    }
  }
  const { context, vector } = main
  return {
    ...{ pictures, guided, further, furtherNegatives, empty, parts: null },
    weights: numbered.map((row) => row.map(({ weight }) => weight)),
    context,
    vector,
    dispose() {
      tf.dispose(all.flatMap((one) => [one.context, one.vector]))
    },
  }
}

/** Encoded texts with `count` rows of others, from a row on. Both are disposed. */
function withRows<T extends { readonly context: Tensor3D; readonly pooled: Tensor2D }>(
  texts: T,
  others: T,
  from: number,
  count: number,
): Pick<T, "context" | "pooled"> {
  const mixed = <X extends Tensor2D | Tensor3D>(rows: X, own: X): X => {
    const end = rows.shape[0] - from - count
    const [before, , after] = tf.split(rows, [from, count, end]) as [X, X, X]
    const [, middle] = tf.split(own, [from, count, end]) as [X, X, X]
    return tf.concat([before, middle, after] as Tensor2D[]) as X
  }
  const result = tf.tidy(() => ({
    context: mixed(texts.context, others.context),
    pooled: mixed(texts.pooled, others.pooled),
  }))
  tf.dispose([texts.context, texts.pooled, others.context, others.pooled])
  return result
}

/** The text of each part, and the negative prompts' rows with those of the last part after them. */
function regionalContexts(
  main: Pick<Conditions, "context">,
  further: readonly Pick<Conditions, "context">[],
  negatives: number,
): { readonly context: Tensor3D; readonly parts: readonly Tensor3D[] } {
  return tf.tidy(() => {
    const first = tf.slice(main.context, [negatives, 0, 0], [-1, -1, -1])
    const parts = [first, ...further.map(({ context }) => tf.clone(context))]
    const before = tf.slice(main.context, [0, 0, 0], [negatives, -1, -1])
    const last = parts.at(-1) as Tensor3D
    return { context: negatives === 0 ? tf.clone(last) : tf.concat([before, last]), parts }
  })
}

/**
 * The pooled state of each picture's last part, for all of its parts, as sd-scripts has it.
 * pooled: negative prompts, then `count` parts of `pictures` rows each → the same shape
 */
function lastPooled(pooled: Tensor2D, parts: readonly (readonly PromptPart[])[], count: number): Tensor2D {
  const pictures = parts.length
  const first = pooled.shape[0] - count * pictures
  const rows = Array.from({ length: pooled.shape[0] }, (_, row) => {
    if (row < first) return row
    const picture = (row - first) % pictures
    return first + ((parts[picture]?.length ?? 1) - 1) * pictures + picture
  })
  return tf.tidy(() => tf.gather(pooled, tf.tensor1d(rows, "int32")))
}
