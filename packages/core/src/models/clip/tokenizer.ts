import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { mendText } from "./mend-text.ts"

/** Text to the ids of CLIP's vocabulary, without start, end or padding. */
export interface Tokenizer {
  encode(text: string): readonly number[]
  /** 49,408 for CLIP: two symbols per byte, one per merge, start and end. */
  readonly vocabularySize: number
  /** Id of `<|startoftext|>`, 49406 for CLIP. */
  readonly startId: number
  /** Id of `<|endoftext|>`, 49407 for CLIP. */
  readonly endId: number
}

/**
 * CLIP's byte-pair tokenizer. `merges` is the text of `data/clip-merges.txt` of this package. Each line is a merge: two
 * symbols with a space between. The first line has the highest priority. Text is mended (`mendText`) and lower-cased
 * first.
 *
 * Source: openai/CLIP `simple_tokenizer.py`; ids are those of transformers' `CLIPTokenizer` with ftfy, as sd-scripts has it.
 *
 * @throws CoreError when a line is not a merge of two symbols that earlier lines made, or repeats one.
 */
export function createTokenizer(merges: string): Tokenizer {
  checkArgument("tokenizer: the merges", merges, "text")
  const { ids, joins } = readMerges(merges)
  const byteIds = byteSymbols().map((symbol) => ids.get(symbol) as number)
  const startId = ids.size
  const endId = ids.size + 1

  const encodeWord = (word: string): readonly number[] => {
    const symbols = Array.from(new TextEncoder().encode(word), (byte) => byteIds[byte] as number)
    // The symbols that end a word follow those that do not, in the same order.
    symbols.push((symbols.pop() as number) + BYTES)
    return joinPairs(symbols, joins)
  }

  const encodePart = (part: string): readonly number[] => {
    if (part === START) return [startId]
    if (part === END) return [endId]
    return normalize(part).match(WORDS)?.flatMap(splitLowered).flatMap(encodeWord) ?? []
  }

  return {
    vocabularySize: ids.size + 2,
    startId,
    endId,
    encode: (text) => text.split(SPECIAL).flatMap(encodePart),
  }
}

const START = "<|startoftext|>"
const END = "<|endoftext|>"
const WORD_END = "</w>"
const BYTES = 256

/** Special tokens, exactly as they are written. In capitals they are ordinary text. */
const SPECIAL = /(<\|startoftext\|>|<\|endoftext\|>)/

/**
 * A word: text that became a special token by lower-casing, an English ending, letters, one digit, or other characters.
 */
const WORDS = /<\|(?:start|end)oftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu

/** A special token in capitals is three words, separate from the characters beside it. */
function splitLowered(word: string): readonly string[] {
  return SPECIAL.test(word) ? ["<|", word.slice(2, -2), "|>"] : [word]
}

function normalize(text: string): string {
  const composed = mendText(text).replace(/\p{White_Space}+/gu, " ")
  // The reference lower-cases each character alone. So a sigma at the end of a word stays a plain one.
  return Array.from(composed, (sign) => sign.toLowerCase()).join("")
}

/** The symbol that two neighbours become. A smaller id has priority. */
type Joins = ReadonlyMap<number, number>

/** Two symbols as one key. Ids stay far below 2^20, so the key is exact. */
const pairKey = (left: number, right: number): number => left * 2 ** 20 + right

function joinPairs(symbols: readonly number[], joins: Joins): readonly number[] {
  let current = symbols
  while (current.length > 1) {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i + 1 < current.length; i++) {
      best = Math.min(best, joins.get(pairKey(current[i] as number, current[i + 1] as number)) ?? best)
    }
    if (best === Number.POSITIVE_INFINITY) break
    const joined: number[] = []
    for (let i = 0; i < current.length; i++) {
      const isPair =
        i + 1 < current.length && joins.get(pairKey(current[i] as number, current[i + 1] as number)) === best
      joined.push(isPair ? best : (current[i] as number))
      if (isPair) i += 1
    }
    current = joined
  }
  return current
}

function readMerges(merges: string): { readonly ids: ReadonlyMap<string, number>; readonly joins: Joins } {
  const bytes = visibleBytes()
  const ids = new Map([...bytes, ...bytes.map((symbol) => symbol + WORD_END)].map((symbol, id) => [symbol, id]))
  const joins = new Map<number, number>()
  const lines = merges.split(/\r?\n/)
  if (lines.at(-1) === "") lines.pop()
  for (const [index, line] of lines.entries()) {
    const [left, right, ...rest] = line.split(" ")
    const leftId = ids.get(left ?? "")
    const rightId = ids.get(right ?? "")
    if (leftId === undefined || rightId === undefined || rest.length > 0) {
      throw new CoreError(
        "merges",
        `tokenizer: line ${index + 1} of the merges, ${JSON.stringify(line.slice(0, 60))}, is not two symbols of ` +
          "earlier lines. Give the text of clip-merges.txt.",
      )
    }
    const joined = `${left}${right}`
    if (ids.has(joined)) {
      throw new CoreError(
        "merges",
        `tokenizer: line ${index + 1} of the merges makes ${JSON.stringify(joined)} a second time. Give the text of clip-merges.txt.`,
      )
    }
    joins.set(pairKey(leftId, rightId), ids.size)
    ids.set(joined, ids.size)
  }
  return { ids, joins }
}

/** The printable character that stands for each byte in the merges, in the order of the vocabulary. */
function visibleBytes(): readonly string[] {
  const symbols = byteSymbols()
  const isPrintable = (byte: number): boolean => symbols[byte] === String.fromCharCode(byte)
  const bytes = Array.from({ length: BYTES }, (_, byte) => byte)
  return [...bytes.filter(isPrintable), ...bytes.filter((byte) => !isPrintable(byte))].map(
    (byte) => symbols[byte] as string,
  )
}

/** The character of each byte: its Latin-1 character if that is printable, otherwise one from U+0100 on. */
function byteSymbols(): readonly string[] {
  let hidden = 0
  return Array.from({ length: BYTES }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    return String.fromCharCode(isPrintable ? byte : 0x100 + hidden++)
  })
}
