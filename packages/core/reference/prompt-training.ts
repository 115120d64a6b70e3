import * as tf from "@tensorflow/tfjs-core"
import { CONTEXT_LENGTH, promptChunks } from "../src/models/clip/prompt.ts"
import { promptTokenChunks, readPrompt } from "../src/models/clip/weighted-prompt.ts"
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
 * Captions in one, two or three chunks: the ids, and the joined states. Of captions with weights, which sd-scripts' LLLite
 * trainer cannot reach, the ids and the weights.
 */
export async function runTrainingPrompts(
  { train, weightedCaptions }: TrainingPromptReference,
  model: TextModel,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const { tokenizer } = model
  const results: CaseResult[] = weightedCaptions.flatMap(({ key, prompt, ids1, weights1 }) => {
    const tokens = promptTokenChunks(tokenizer, readPrompt(prompt, "weighted")).flat()
    // Every row has a start and an end around its tokens.
    const inner = <T>(rows: readonly (readonly T[])[]): readonly T[] =>
      rows.flatMap((row) => row.slice(1, -1)).slice(0, tokens.length)
    const count = inner(ids1).length
    const ids = tokens.slice(0, count).map(({ id }) => id)
    const weights = tokens.slice(0, count).map(({ weight }) => Number(weight.toFixed(5)))
    const wanted = inner(weights1).map((weight) => Number(weight.toFixed(5)))
    return [compareEqual(`${key}.ids1`, ids, inner(ids1)), compareEqual(`${key}.weights1`, weights, wanted)]
  })
  for (const { key, prompt, maxTokenLength, ids1, ids2 } of train) {
    const chunks = maxTokenLength === null ? 1 : maxTokenLength / 75
    const rowsOf = (padId: number): readonly (readonly number[])[] => {
      const ids = [...promptChunks(tokenizer, prompt, padId, chunks)]
      return Array.from({ length: chunks }, (_, i) => ids.slice(i * CONTEXT_LENGTH, (i + 1) * CONTEXT_LENGTH))
    }
    const [rows1, rows2] = [rowsOf(tokenizer.endId), rowsOf(0)]
    results.push(compareEqual(`${key}.ids1`, rows1, ids1), compareEqual(`${key}.ids2`, rows2, ids2))
    const { context, pooled } = encodePrompts(ops, model, [prompt], { chunks })
    results.push(...(await compareStates(key, { context, pooled, tensors })))
    tf.dispose([context, pooled])
  }
  return results
}
