import * as tf from "@tensorflow/tfjs-core"
import { withInversions } from "../src/models/clip/textual-inversion.ts"
import { readPrompt, sdScriptsRows } from "../src/models/clip/weighted-prompt.ts"
import type { TextModel } from "../src/models/text.ts"
import { countChunks, encodeWeightedPrompts } from "../src/models/text.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compareEqual, compareStates } from "./prompt-states.ts"
import { weight } from "./synthetic.ts"

/** The section `textualInversion` of prompt.json */
export interface InversionReference {
  readonly files: readonly { readonly name: string; readonly vectors: number }[]
  readonly maxEmbeddingsMultiples: number
  readonly cases: readonly {
    readonly key: string
    readonly prompt: string
    readonly negative: string
    readonly chunks1: readonly (readonly number[])[]
    readonly chunks2: readonly (readonly number[])[]
    readonly negativeChunks1: readonly (readonly number[])[]
  }[]
}

/** Prompts with textual inversions, read as sd-scripts reads them: the ids that reach each encoder, and the states. */
export async function runInversions(
  { files, maxEmbeddingsMultiples, cases }: InversionReference,
  plain: TextModel,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const vectorsOf = (name: string, key: string, rows: number, width: number): Float32Array =>
    weight(`a/ti/${name}/${key}`, [rows, width])
  const inversions = files.map(({ name, vectors }) => ({
    ...{ name, vectors },
    text1: vectorsOf(name, "clip_l", vectors, plain.text1.config.width),
    text2: vectorsOf(name, "clip_g", vectors, plain.text2.config.width),
  }))
  const model = withInversions(plain, inversions, "sd-scripts")
  const { tokenizer } = model
  const options = { maxChunks: maxEmbeddingsMultiples, compat: "sd-scripts" } as const
  const results: CaseResult[] = []
  for (const { key, prompt, negative, chunks1, chunks2, negativeChunks1 } of cases) {
    const chunks = Math.max(...[prompt, negative].map((text) => countChunks(tokenizer, text, options)))
    const rowsOf = (text: string, padId: number): readonly (readonly number[])[] =>
      sdScriptsRows(tokenizer, readPrompt(text, "weighted"), padId, chunks).ids.map((row) => [...row])
    results.push(
      compareEqual(`${key}.ids1`, rowsOf(prompt, tokenizer.endId), chunks1),
      compareEqual(`${key}.ids2`, rowsOf(prompt, 0), chunks2),
      compareEqual(`${key}.negative.ids1`, rowsOf(negative, tokenizer.endId), negativeChunks1),
    )
    const { context, pooled } = encodeWeightedPrompts(ops, model, [prompt, negative], options)
    const states = { context, pooled, tensors, count: 1 }
    results.push(...(await compareStates(key, states)))
    results.push(...(await compareStates(`${key}.negative`, { ...states, from: 1 })))
    tf.dispose([context, pooled])
  }
  return results
}
