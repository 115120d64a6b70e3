import * as tf from "@tensorflow/tfjs-core"
import { captionTokens, captionWeights } from "../src/models/clip/caption-tokens.ts"
import { CONTEXT_LENGTH, promptChunks, tokenChunks } from "../src/models/clip/prompt.ts"
import type { TextModel } from "../src/models/text.ts"
import { encodePrompts } from "../src/models/text.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compareEqual, compareStates } from "./prompt-states.ts"

/** A caption of prompt.json, as training reads it. */
interface TrainingPrompt {
  readonly key: string
  readonly prompt: string
  readonly maxTokenLength: number | null
  readonly ids1: readonly (readonly number[])[]
  readonly ids2: readonly (readonly number[])[]
}

/** The sections `train` and `weightedCaptions` of prompt.json */
export interface TrainingPromptReference {
  readonly train: readonly TrainingPrompt[]
  readonly weightedCaptions: readonly (Omit<TrainingPrompt, "ids2"> & {
    readonly weights1: readonly (readonly number[])[]
  })[]
}

/**
 * Captions in one, two or three chunks: the ids, and the joined states. Captions with weights, too, which sd-scripts'
 * LLLite trainer cannot reach.
 */
export async function runTrainingPrompts(
  { train, weightedCaptions }: TrainingPromptReference,
  model: TextModel,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const { tokenizer } = model
  const results: CaseResult[] = []
  const inChunks = <T>(values: readonly T[]): readonly (readonly T[])[] =>
    Array.from({ length: values.length / CONTEXT_LENGTH }, (_, i) =>
      values.slice(i * CONTEXT_LENGTH, (i + 1) * CONTEXT_LENGTH),
    )
  for (const { key, prompt, maxTokenLength, ids1, weights1 } of weightedCaptions) {
    const chunks = maxTokenLength === null ? 1 : maxTokenLength / 75
    const tokens = captionTokens(tokenizer, prompt, true)
    const words = tokens.map(({ id }) => id)
    const ids = inChunks([...tokenChunks(tokenizer, words, tokenizer.endId, chunks)])
    const weights = inChunks([...captionWeights(tokens, chunks)]).map((row) => row.map((weight) => weight.toFixed(5)))
    const wanted = weights1.map((row) => row.map((weight) => Math.fround(weight).toFixed(5)))
    results.push(compareEqual(`${key}.ids1`, ids, ids1), compareEqual(`${key}.weights1`, weights, wanted))
    const { context, pooled } = encodePrompts(ops, model, [prompt], { chunks, isWeighted: true })
    results.push(...(await compareStates(key, { context, pooled, tensors })))
    tf.dispose([context, pooled])
  }
  for (const { key, prompt, maxTokenLength, ids1, ids2 } of train) {
    const chunks = maxTokenLength === null ? 1 : maxTokenLength / 75
    const rowsOf = (padId: number): readonly (readonly number[])[] =>
      inChunks([...promptChunks(tokenizer, prompt, padId, chunks)])
    const [rows1, rows2] = [rowsOf(tokenizer.endId), rowsOf(0)]
    results.push(compareEqual(`${key}.ids1`, rows1, ids1), compareEqual(`${key}.ids2`, rows2, ids2))
    const { context, pooled } = encodePrompts(ops, model, [prompt], { chunks })
    results.push(...(await compareStates(key, { context, pooled, tensors })))
    tf.dispose([context, pooled])
  }
  return results
}
