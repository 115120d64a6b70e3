import * as tf from "@tensorflow/tfjs-core"
import type { Tokenizer } from "../src/models/clip/tokenizer.ts"
import type { TextModel } from "../src/models/text.ts"
import { encodeWeightedPrompts } from "../src/models/text.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { EmbeddingNormalization } from "../src/prompt/options.ts"
import { parseWeights } from "../src/prompt/weights.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { u } from "./synthetic.ts"
import type { TextVaeReference } from "./text-vae.ts"
import { loadTexts } from "./text-vae.ts"

/** prompt.json */
export interface PromptReference {
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
    const check = async (name: string, from: number, count: number): Promise<void> => {
      const compareTo = async (part: string, ours: ArrayLike<number>): Promise<void> => {
        results.push(compare(`prompt/${name}.${part}`, ours, await tensors.readFloat32(`${name}.${part}`)))
      }
      const states = tf.slice(context, [from, 0, 0], [count, -1, -1])
      const pools = tf.slice(pooled, [from, 0], [count, -1])
      const values = await states.data<"float32">()
      const [, length = 0, width = 0] = states.shape
      await compareTo("probe", probe(values, width))
      await compareTo("rows", everyTokenOf(values, length, width))
      await compareTo("pooled", await pools.data<"float32">())
      tf.dispose([states, pools])
    }
    if (context.shape[1] !== tokens) {
      results.push({ case: `prompt/${key}.tokens`, maxRelError: 1, tolerance: 0, ok: false })
    } else {
      await check(key, 0, subPrompts.length)
      if (negatives !== null) await check(`${key}.negative`, subPrompts.length, negatives.length)
    }
    tf.dispose([context, pooled])
  }
  disposeParams(texts)
  return results
}

/** Tokens between two whole rows of a case. */
const ROW_STRIDE = 25

function everyTokenOf(values: Float32Array, length: number, width: number): readonly number[] {
  const rows: number[] = []
  for (let i = 0; i < values.length / width; i++) {
    if ((i % length) % ROW_STRIDE === 0) rows.push(...values.subarray(i * width, (i + 1) * width))
  }
  return rows
}

/** The probe of a tensor: products of its last dimension with the values of `probe`. */
function probe(values: Float32Array, width: number): readonly number[] {
  return Array.from({ length: values.length / width }, (_, row) => {
    let sum = 0
    for (let j = 0; j < width; j++) sum += (values[row * width + j] as number) * u("probe", j)
    return sum
  })
}
