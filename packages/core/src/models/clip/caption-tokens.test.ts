import { describe, expect, it } from "vitest"
import { isCutCaption } from "./caption-length.ts"
import { captionTokens, captionWeights } from "./caption-tokens.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** A token for each word: its length. */
const words: Tokenizer = {
  encode: (text) => (text.match(/\S+/g) ?? []).map(({ length }) => length),
  ...{ vocabularySize: 100, startId: 98, endId: 99 },
}

describe("a caption's tokens", () => {
  it("have weights where these are read", () => {
    expect(captionTokens(words, "a (bb:1.5) [ccc]", true)).toEqual([
      { id: 1, weight: 1 },
      { id: 2, weight: 1.5 },
      { id: 3, weight: 1 / 1.1 },
    ])
    expect(captionTokens(words, "a (bb:1.5)", false)).toEqual([
      { id: 1, weight: 1 },
      { id: 8, weight: 1 },
    ])
  })

  it("take BREAK as a word", () => {
    expect(captionTokens(words, "a BREAK b", true).map(({ id }) => id)).toEqual([1, 5, 1])
  })

  it("have their weights behind the start of each chunk", () => {
    const tokens = Array.from({ length: 160 }, (_, i) => ({ id: 1, weight: i + 2 }))
    const weights = captionWeights(tokens, 2)
    expect(weights).toHaveLength(154)
    expect([0, 1, 75, 76, 77, 78, 152, 153].map((place) => weights[place])).toEqual([1, 2, 76, 1, 1, 77, 151, 1])
    expect([...captionWeights([], 1)]).toEqual(new Array(77).fill(1))
  })

  it("are counted without the signs of weights", () => {
    const caption = `${"(".repeat(3)} ${Array.from({ length: 74 }, () => "aa").join(" ")} ${") ".repeat(3)}`
    expect([false, true].map((isWeighted) => isCutCaption(words, caption, 1, isWeighted))).toEqual([true, false])
  })
})
