import { expect, it } from "vitest"
import { cutCaptionNotices, isCutCaption } from "./caption-length.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** A token for each word. */
const words: Tokenizer = {
  encode: (text) => text.split(" ").map(() => 1),
  ...{ vocabularySize: 2, startId: 0, endId: 1 },
}

it("finds captions over 75 tokens", () => {
  const caption = (count: number): string => Array.from({ length: count }, () => "a").join(" ")
  expect([0, 1, 75, 76, 200].map((count) => isCutCaption(words, caption(count)))).toEqual([
    ...[false, false, false, true, true],
  ])
  expect([75, 150, 151].map((count) => isCutCaption(words, caption(count), 2))).toEqual([false, false, true])
})

it("counts no tokens of a caption that is too short for them", () => {
  let counted = 0
  const counting: Tokenizer = {
    ...words,
    encode: (text) => {
      counted += 1
      return words.encode(text)
    },
  }
  expect(isCutCaption(counting, "a".repeat(25))).toBe(false)
  expect(counted).toBe(0)
  // A sign takes up to three bytes, and a token at least one.
  expect(isCutCaption(counting, "a".repeat(26))).toBe(false)
  expect(counted).toBe(1)
})

it("names the first, and the number of all", () => {
  expect(cutCaptionNotices([])).toEqual([])
  expect(cutCaptionNotices(["a.png"])).toEqual([
    'The caption of "a.png" is longer than 75 tokens. Only the first 75 are read.',
  ])
  expect(cutCaptionNotices(["a.png", "b.png"])).toEqual([
    '2 captions are longer than 75 tokens. Only the first 75 are read. The first is "a.png".',
  ])
  expect(cutCaptionNotices(["a.png"], 3)).toEqual([
    'The caption of "a.png" is longer than 225 tokens. Only the first 225 are read.',
  ])
})

it.each([-1, 0, 1.5, Number.NaN, 1e9])("refuses %d chunks", (chunks) => {
  expect(() => isCutCaption(words, "a", chunks)).toThrow(/^captions: (the )?chunks /)
  expect(() => cutCaptionNotices(["a.png"], chunks)).toThrow(/^captions: (the )?chunks /)
})

it("reads weights or not, and nothing between", () => {
  expect(() => isCutCaption(words, "a", 1, "yes" as unknown as boolean)).toThrow(
    'captions: whether weights are read is the text "yes", expected true or false',
  )
})
