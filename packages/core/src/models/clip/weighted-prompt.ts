import { CoreError } from "../../errors.ts"
import { parseComfyUiWeights, parseJoinedComfyUiWeights } from "../../prompt/comfyui-weights.ts"
import type { PromptOptions, PromptSyntax } from "../../prompt/options.ts"
import type { WeightedText } from "../../prompt/weights.ts"
import { parseWeights } from "../../prompt/weights.ts"
import { CHUNK_LENGTH, CONTEXT_LENGTH } from "./prompt.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** The tokens of a prompt in chunks, without start, end and padding. Each chunk has at most 75. */
export type PromptTokenChunks = readonly (readonly PromptToken[])[]

export interface PromptToken {
  readonly id: number
  readonly weight: number
}

/** A prompt as one text encoder reads it: as many rows of 77 as it has chunks. */
export interface WeightedRows {
  readonly ids: readonly Int32Array[]
  /** The weight of every token. Start, end and padding have 1. */
  readonly weights: readonly Float32Array[]
}

/** A whole run of so many tokens is cut at the end of a chunk. Source: ComfyUI `comfy/sd1_clip.py`, `max_word_length`. */
const CUT_LENGTH = 8

/**
 * The tokens of a prompt, cut into chunks of 75. `BREAK` ends a chunk early. A prompt without tokens has one empty
 * chunk.
 */
export function promptTokenChunks(tokenizer: Tokenizer, prompt: readonly WeightedText[]): PromptTokenChunks {
  const chunks: PromptToken[][] = [[]]
  for (const { text, weight, isBreak, isWhole = false } of prompt) {
    if (isBreak) {
      if (chunks.at(-1)?.length !== 0) chunks.push([])
      continue
    }
    const tokens = tokenizer.encode(text)
    const room = CHUNK_LENGTH - (chunks.at(-1)?.length ?? 0)
    if (isWhole && tokens.length > room && tokens.length < CUT_LENGTH) chunks.push([])
    for (const id of tokens) {
      if (chunks.at(-1)?.length === CHUNK_LENGTH) chunks.push([])
      chunks.at(-1)?.push({ id, weight })
    }
  }
  // A `BREAK` at the end begins nothing.
  if (chunks.length > 1 && chunks.at(-1)?.length === 0) chunks.pop()
  return chunks
}

/**
 * Chunks as rows for an encoder: start, tokens, end, padding. Chunks beyond the prompt are empty.
 *
 * Source: sd-scripts `gen_img.py`, `pad_tokens_and_weights`. Each row keeps its start and its end, which joined training
 * chunks (`promptChunks`) do not.
 *
 * @param padId the padding: SDXL's first encoder pads with the end token (49407), its second with 0.
 * @param rows the number of rows. Chunks of the prompt beyond it are not read.
 * @throws CoreError when `rows` is not a positive integer
 */
export function weightedRows(
  tokenizer: Tokenizer,
  chunks: PromptTokenChunks,
  padId: number,
  rows: number,
): WeightedRows {
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new CoreError("option-range", `prompt: chunks is ${rows}, expected a positive integer`)
  }
  const { startId, endId } = tokenizer
  const filled = Array.from({ length: rows }, (_, i) => chunks[i] ?? [])
  return {
    ids: filled.map((tokens) => {
      const row = new Int32Array(CONTEXT_LENGTH).fill(padId)
      row.set([startId, ...tokens.map(({ id }) => id), endId])
      return row
    }),
    weights: filled.map((tokens) => {
      const row = new Float32Array(CONTEXT_LENGTH).fill(1)
      row.set(
        tokens.map(({ weight }) => weight),
        1,
      )
      return row
    }),
  }
}

/**
 * The rows as sd-scripts makes them of a prompt with `BREAK`. `BREAK` pads to the next multiple of 77, so the text after
 * it begins two tokens late. A row that ends in padding has no end token.
 *
 * Source: sd-scripts `gen_img.py`, `get_prompts_with_weights`, `get_unweighted_text_embeddings`.
 *
 * @throws CoreError when `rows` is not a positive integer
 */
export function sdScriptsRows(
  tokenizer: Tokenizer,
  prompt: readonly WeightedText[],
  padId: number,
  rows: number,
): WeightedRows {
  const { endId } = tokenizer
  const padded = sdScriptsTokens(tokenizer, prompt, padId)
  const chunks = Array.from({ length: rows }, (_, i) => padded.slice(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH))
  const { ids, weights } = weightedRows(tokenizer, chunks, padId, rows)
  for (const [i, row] of ids.entries()) {
    const next = padded[(i + 1) * CHUNK_LENGTH]
    if (next?.id === padId && i + 1 < rows) row[CONTEXT_LENGTH - 1] = padId
    if (row[1] === padId) row[1] = endId
  }
  return { ids, weights }
}

/** The tokens of a prompt without chunks, with the padding of `BREAK`. */
function sdScriptsTokens(tokenizer: Tokenizer, prompt: readonly WeightedText[], padId: number): readonly PromptToken[] {
  const tokens: PromptToken[] = []
  for (const { text, weight, isBreak } of prompt) {
    if (!isBreak) tokens.push(...tokenizer.encode(text).map((id) => ({ id, weight })))
    else {
      const room = CONTEXT_LENGTH - (tokens.length % CONTEXT_LENGTH)
      for (let i = 0; i < room; i++) tokens.push({ id: padId, weight: 1 })
    }
  }
  return tokens
}

/** The runs of a prompt, in a syntax. */
export function readPrompt(prompt: string, syntax: PromptSyntax): readonly WeightedText[] {
  if (syntax === "comfyui") return parseComfyUiWeights(prompt)
  if (syntax === "comfyui-joined") return parseJoinedComfyUiWeights(prompt)
  return syntax === "plain" ? [{ text: prompt, weight: 1, isBreak: false }] : parseWeights(prompt)
}

/** The chunks of 75 tokens that a prompt has, at least one, whether they are read or not. */
export function chunkCount(
  tokenizer: Tokenizer,
  prompt: readonly WeightedText[],
  compat: PromptOptions["compat"],
): number {
  if (compat !== "sd-scripts") return promptTokenChunks(tokenizer, prompt).length
  return Math.max(1, Math.ceil(sdScriptsTokens(tokenizer, prompt, tokenizer.endId).length / CHUNK_LENGTH))
}
