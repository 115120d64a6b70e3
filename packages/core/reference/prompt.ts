import * as tf from "@tensorflow/tfjs-core"
import type { Tokenizer } from "../src/models/clip/tokenizer.ts"
import type { TextModel } from "../src/models/text.ts"
import { encodeWeightedPrompts } from "../src/models/text.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { EmbeddingNormalization } from "../src/prompt/options.ts"
import { parseWeights } from "../src/prompt/weights.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { type InversionReference, runInversions } from "./prompt-inversions.ts"
import { compareStates } from "./prompt-states.ts"
import { runTrainingPrompts, type TrainingPromptReference } from "./prompt-training.ts"
import type { TextVaeReference } from "./text-vae.ts"
import { loadTexts } from "./text-vae.ts"

/** prompt.json */
export interface PromptReference extends TrainingPromptReference {
  readonly textualInversion: InversionReference
  readonly parse: readonly {
    readonly text: string
    readonly parsed: readonly (readonly [text: string, weight: number])[]
  }[]
  readonly encode: readonly {
    readonly key: string
    readonly prompts: readonly string[]
    readonly negatives: readonly string[] | null
    readonly maxEmbeddingsMultiples: number
    readonly embNormalizeMode: EmbeddingNormalization
    readonly clipSkip: number
    /** Tokens of the context. */
    readonly tokens: number
  }[]
}

/** The syntax of prompts, and what both encoders make of them, with sd-scripts' padding at `BREAK`. */
export async function runPrompt(
  reference: PromptReference,
  textVae: TextVaeReference,
  tensors: ReferenceTensors,
  tokenizer: Tokenizer,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = reference.parse.map(({ text, parsed }, i) => {
    const ours = parseWeights(text).map(({ text, weight }) => [text, weight] as const)
    // An empty run has no tokens, so it makes no difference.
    const [got, wanted] = [ours, parsed].map((runs) => JSON.stringify(runs.filter(([text]) => text !== "")))
    return { case: `prompt/parse.${i}`, maxRelError: got === wanted ? 0 : 1, tolerance: 0, ok: got === wanted }
  })
  const texts = await loadTexts(textVae, ops)
  const model: TextModel = { tokenizer, ...texts }
  for (const {
    key,
    prompts,
    negatives,
    maxEmbeddingsMultiples,
    embNormalizeMode,
    clipSkip,
    tokens,
  } of reference.encode) {
    const subPrompts = prompts.flatMap((prompt) => prompt.split(" AND "))
    const options = {
      maxChunks: maxEmbeddingsMultiples,
      normalization: embNormalizeMode,
      clipSkip,
      compat: "sd-scripts",
    } as const
    const { context, pooled } = encodeWeightedPrompts(ops, model, [...subPrompts, ...(negatives ?? [])], options)
    if (context.shape[1] !== tokens) {
      results.push({ case: `prompt/${key}.tokens`, maxRelError: 1, tolerance: 0, ok: false })
    } else {
      const check = { context, pooled, tensors }
      results.push(...(await compareStates(key, { ...check, from: 0, count: subPrompts.length })))
      if (negatives !== null) {
        const part = { from: subPrompts.length, count: negatives.length }
        results.push(...(await compareStates(`${key}.negative`, { ...check, ...part })))
      }
    }
    tf.dispose([context, pooled])
  }
  results.push(...(await runTrainingPrompts(reference, model, tensors, ops)))
  results.push(...(await runInversions(reference.textualInversion, model, tensors, ops)))
  disposeParams(texts)
  return results
}
