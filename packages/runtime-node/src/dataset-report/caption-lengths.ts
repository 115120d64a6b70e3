import type { Tokenizer } from "@lllite/core/models"
import { captionTokens } from "@lllite/core/models"

/** Numbers of tokens that training can read: `--max_token_length`. */
export const CAPTION_LIMITS = [75, 150, 225] as const

/** The captions of a data set, by their tokens. */
export interface CaptionLengths {
  /** Captions that are not empty. */
  readonly count: number
  /** Tokens of the shortest, the middle and the longest caption, without those that are empty. 0 without any. */
  readonly least: number
  readonly median: number
  readonly most: number
  /** Mean tokens. */
  readonly mean: number
  /** The picture with the longest caption. Null without captions. */
  readonly longest: string | null
  /** For each number of tokens that training can read, the pictures whose captions are longer. */
  readonly cut: readonly { readonly tokens: number; readonly images: readonly string[] }[]
}

/**
 * Counts the tokens of captions.
 *
 * @param isWeighted whether training reads weights in captions
 * @param pause is awaited now and then, so that the work can be stopped
 * @throws what `pause` throws
 */
export async function captionLengths(
  pairs: readonly { readonly image: string; readonly caption: string }[],
  tokenizer: Tokenizer,
  isWeighted: boolean,
  pause: () => Promise<void>,
): Promise<CaptionLengths> {
  const lengths: { readonly image: string; readonly tokens: number }[] = []
  const known = new Map<string, number>()
  for (const [index, { image, caption }] of pairs.entries()) {
    if (index % PAUSE_EVERY === 0) await pause()
    if (caption.trim() === "") continue
    const tokens = known.get(caption) ?? captionTokens(tokenizer, caption, isWeighted).length
    known.set(caption, tokens)
    lengths.push({ image, tokens })
  }
  const sorted = lengths.toSorted((a, b) => a.tokens - b.tokens)
  const longest = lengths.reduce<(typeof lengths)[number] | null>(
    (most, each) => (most === null || each.tokens > most.tokens ? each : most),
    null,
  )
  const sum = lengths.reduce((total, { tokens }) => total + tokens, 0)
  return {
    count: lengths.length,
    least: sorted[0]?.tokens ?? 0,
    median: sorted[Math.floor(sorted.length / 2)]?.tokens ?? 0,
    most: longest?.tokens ?? 0,
    mean: lengths.length === 0 ? 0 : sum / lengths.length,
    longest: longest?.image ?? null,
    cut: CAPTION_LIMITS.map((limit) => ({
      tokens: limit,
      images: lengths.flatMap(({ image, tokens }) => (tokens > limit ? [image] : [])),
    })),
  }
}

/** Captions that are counted before a pause. */
const PAUSE_EVERY = 256
