import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { endPosition, joinedPositions, promptChunks, promptIds } from "./prompt.ts"
import { createTokenizer } from "./tokenizer.ts"

const tokenizer = createTokenizer(readFileSync(new URL("../../../data/clip-merges.txt", import.meta.url), "utf8"))
const START = 49406
const END = 49407
const CAT = 2368
/** A prompt of `count` tokens. */
const cats = (count: number): string => Array(count).fill("cat").join(" ")

describe("promptIds", () => {
  it("frames a prompt and pads the rest", () => {
    expect([...promptIds(tokenizer, "a cat", 0)]).toEqual([START, 320, CAT, END, ...Array(73).fill(0)])
    expect([...promptIds(tokenizer, "a cat", END)]).toEqual([START, 320, CAT, ...Array(74).fill(END)])
  })

  it("holds 75 tokens and cuts the 76th, but keeps the end", () => {
    const full = [START, ...Array(75).fill(CAT), END]
    expect([...promptIds(tokenizer, cats(75), 0)]).toEqual(full)
    expect([...promptIds(tokenizer, cats(76), 0)]).toEqual(full)
  })

  it("refuses a padding outside the vocabulary", () => {
    expect(() => promptIds(tokenizer, "a cat", 49408)).toThrow(/padId/)
    expect(() => promptIds(tokenizer, "a cat", -1)).toThrow(/padId/)
    expect(() => promptIds(tokenizer, "a cat", 0.5)).toThrow(/padId/)
  })
})

describe("promptChunks", () => {
  const row = (ids: Int32Array, chunk: number): readonly number[] => [...ids.slice(77 * chunk, 77 * (chunk + 1))]

  it("is promptIds for one chunk", () => {
    expect(promptChunks(tokenizer, cats(80), 0, 1)).toEqual(promptIds(tokenizer, cats(80), 0))
  })

  it("goes on in the next chunk after 75 tokens, each framed by itself", () => {
    for (const pad of [0, END]) {
      const ids = promptChunks(tokenizer, cats(80), pad, 2)
      expect(row(ids, 0)).toEqual([START, ...Array(75).fill(CAT), END])
      expect(row(ids, 1)).toEqual([START, ...Array(5).fill(CAT), END, ...Array(69).fill(pad), pad])
    }
  })

  it("begins an empty chunk with an end where the padding is not one", () => {
    expect(row(promptChunks(tokenizer, "a cat", 0, 2), 1)).toEqual([START, END, ...Array(75).fill(0)])
    expect(row(promptChunks(tokenizer, "a cat", END, 2), 1)).toEqual([START, ...Array(76).fill(END)])
  })

  it("leaves the end of a chunk padded where the text stopped before", () => {
    expect(row(promptChunks(tokenizer, "a cat", 0, 2), 0)).toEqual([START, 320, CAT, END, ...Array(73).fill(0)])
  })

  it("puts the end of a text of exactly one chunk into the next, and ends both", () => {
    const ids = promptChunks(tokenizer, cats(75), 0, 2)
    expect(row(ids, 0)).toEqual([START, ...Array(75).fill(CAT), END])
    expect(row(ids, 1)).toEqual([START, END, ...Array(75).fill(0)])
  })

  it("cuts what all chunks cannot hold", () => {
    const ids = promptChunks(tokenizer, cats(400), 0, 3)
    expect(row(ids, 2)).toEqual([START, ...Array(75).fill(CAT), END])
  })

  it("refuses less than one chunk", () => {
    for (const chunks of [0, 1.5, -1]) {
      expect(() => promptChunks(tokenizer, "a cat", 0, chunks)).toThrow(`got ${chunks}`)
      expect(() => joinedPositions(chunks)).toThrow(`got ${chunks}`)
    }
  })
})

describe("joinedPositions", () => {
  it("keeps the first start, every inner token and the last end", () => {
    expect([...joinedPositions(1)]).toEqual(Array.from({ length: 77 }, (_, i) => i))
    const two = joinedPositions(2)
    expect(two.length).toBe(152)
    expect([two[0], two[75], two[76], two[150], two[151]]).toEqual([0, 75, 78, 152, 153])
  })
})

describe("endPosition", () => {
  it("finds the first end, or the start if there is none", () => {
    expect(endPosition(promptIds(tokenizer, "a cat", END), END)).toBe(3)
    expect(endPosition(Int32Array.of(START, CAT), END)).toBe(0)
  })
})
