import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkTokenizer } from "../given.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** Tokens that a text encoder reads at once, start and end included. */
export const CONTEXT_LENGTH = 77

/** Tokens of a prompt in one chunk. */
export const CHUNK_LENGTH = CONTEXT_LENGTH - 2

/**
 * A prompt as one text encoder reads it: start, tokens, end, padding. A longer prompt loses its last tokens and keeps
 * its end token. → 77 ids
 *
 * @param padId the padding: SDXL's first encoder pads with the end token (49407), its second with 0.
 */
export function promptIds(tokenizer: Tokenizer, prompt: string, padId: number): Int32Array {
  checkTokenizer("prompt", tokenizer)
  checkArgument("prompt: the text", prompt, "text")
  return sequence(tokenizer, tokenizer.encode(prompt), padId, CHUNK_LENGTH)
}

/**
 * A long prompt in `chunks` pieces of 75 tokens (150 or 225 tokens in sd-scripts' terms). Encode each piece separately,
 * and join the results with `joinedPositions`. → chunks · 77 ids, row-major
 *
 * A chunk ends with the end token where the text goes on or stops within it. A chunk beyond the text begins with an end
 * token if `padId` is another token. So the encoder finds an end to pool at.
 *
 * Source: sd-scripts `library/strategy_base.py`, `_get_input_ids`.
 *
 * @throws CoreError when `chunks` is not a positive integer.
 */
export function promptChunks(tokenizer: Tokenizer, prompt: string, padId: number, chunks: number): Int32Array {
  checkTokenizer("prompt", tokenizer)
  checkArgument("prompt: the text", prompt, "text")
  return tokenChunks(tokenizer, tokenizer.encode(prompt), padId, chunks)
}

/** As {@link promptChunks}, of a prompt's tokens. */
export function tokenChunks(
  tokenizer: Tokenizer,
  tokens: readonly number[],
  padId: number,
  chunks: number,
): Int32Array {
  checkChunks(chunks)
  const { startId, endId } = tokenizer
  const whole = sequence(tokenizer, tokens, padId, chunks * CHUNK_LENGTH)
  if (chunks === 1) return whole
  const last = whole[whole.length - 1] as number
  const ids = new Int32Array(chunks * CONTEXT_LENGTH)
  for (let chunk = 0; chunk < chunks; chunk++) {
    const row = ids.subarray(chunk * CONTEXT_LENGTH, (chunk + 1) * CONTEXT_LENGTH)
    row[0] = startId
    row.set(whole.subarray(1 + chunk * CHUNK_LENGTH, 1 + (chunk + 1) * CHUNK_LENGTH), 1)
    row[CONTEXT_LENGTH - 1] = last
    if (padId === endId) continue
    const final = row[CONTEXT_LENGTH - 2]
    if (final !== endId && final !== padId) row[CONTEXT_LENGTH - 1] = endId
    if (row[1] === padId) row[1] = endId
  }
  return ids
}

/**
 * Positions of the tokens for the U-Net's context: the first start, every chunk's 75, the last end.
 * → 75 · chunks + 2 positions into the chunks · 77 tokens
 */
export function joinedPositions(chunks: number): Int32Array {
  checkChunks(chunks)
  const positions = [0]
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let i = 1; i <= CHUNK_LENGTH; i++) positions.push(chunk * CONTEXT_LENGTH + i)
  }
  positions.push(chunks * CONTEXT_LENGTH - 1)
  return Int32Array.from(positions)
}

/**
 * The position of an encoder's pooled output: the first end token, or 0 if there is none (as sd-scripts does).
 */
export function endPosition(ids: ArrayLike<number>, endId: number): number {
  return Math.max(Array.from(ids).indexOf(endId), 0)
}

function sequence(tokenizer: Tokenizer, tokens: readonly number[], padId: number, room: number): Int32Array {
  if (!Number.isInteger(padId) || padId < 0 || padId >= tokenizer.vocabularySize) {
    throw new CoreError("option-range", `prompt: padId must be an id below ${tokenizer.vocabularySize}, got ${padId}`)
  }
  const ids = new Int32Array(room + 2).fill(padId)
  ids.set([tokenizer.startId, ...tokens.slice(0, room), tokenizer.endId])
  return ids
}

/** Chunks of a prompt, at most. Ids and positions of more would fill the memory. */
const MOST_CHUNKS = 100_000

/** Checks a number of chunks. @param place its owner, which begins the message. @throws CoreError `option-range` */
export function checkChunks(chunks: number, place = "prompt"): void {
  if (!Number.isSafeInteger(chunks) || chunks < 1 || chunks > MOST_CHUNKS) {
    throw new CoreError(
      "option-range",
      `${place}: chunks must be a positive integer up to ${MOST_CHUNKS}, got ${chunks}`,
    )
  }
}
