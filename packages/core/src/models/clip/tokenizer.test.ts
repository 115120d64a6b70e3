import { readFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createTokenizer } from "./tokenizer.ts"

const merges = readFileSync(new URL("../../../data/clip-merges.txt", import.meta.url), "utf8")
const tokenizer = createTokenizer(merges)

describe("the CLIP tokenizer", () => {
  it("has CLIP's vocabulary", () => {
    const { vocabularySize, startId, endId } = createTokenizer(merges)
    expect([vocabularySize, startId, endId]).toEqual([49408, 49406, 49407])
  })

  it("knows the words of the paper's prompt", () => {
    expect(tokenizer.encode("a photo of a cat")).toEqual([320, 1125, 539, 320, 2368])
  })

  it("gives nothing for nothing", () => {
    expect(tokenizer.encode("")).toEqual([])
    expect(tokenizer.encode(" \n\t\u3000")).toEqual([])
  })

  it("ignores case and the amount of space", () => {
    expect(tokenizer.encode("  A  RED\n\nCircle ")).toEqual(tokenizer.encode("a red circle"))
  })

  it("treats all white space of Unicode alike, and the zero-width space as a sign", () => {
    expect(tokenizer.encode("a\u2028b\u00a0c\u2003d")).toEqual(tokenizer.encode("a b c d"))
    expect(tokenizer.encode("a\ufeffb")).not.toEqual(tokenizer.encode("a b"))
  })

  it("composes letters and marks before the lookup", () => {
    expect(tokenizer.encode("cafe\u0301")).toEqual(tokenizer.encode("caf\u00e9"))
  })

  it("lower-cases each character alone, also at the end of a word", () => {
    expect(tokenizer.encode("ΟΔΟΣ")).toEqual(tokenizer.encode("οδοσ"))
  })

  it("splits numbers into digits and endings from words", () => {
    expect(tokenizer.encode("10")).toEqual([...tokenizer.encode("1"), ...tokenizer.encode("0")])
    expect(tokenizer.encode("cat's")).toEqual([...tokenizer.encode("cat"), ...tokenizer.encode("'s")])
  })

  it("finds special tokens anywhere in a text", () => {
    expect(tokenizer.encode("<|endoftext|> middle <|startoftext|>")).toEqual([49407, 3694, 49406])
    expect(tokenizer.encode("!<|endoftext|>!")).toEqual([...tokenizer.encode("!"), 49407, ...tokenizer.encode("!")])
  })

  it("reads them as text when they are in capitals", () => {
    // As transformers' CLIPTokenizer.
    expect(tokenizer.encode("<|EndOfText|>")).toEqual([27, 347, 40786, 4160, 91, 285])
    expect(tokenizer.encode("@<|startOFtext|>")).toEqual([31, 27, 347, 993, 6659, 4160, 91, 285])
  })

  it("encodes words that are names of properties of every object", () => {
    for (const word of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      const ids = tokenizer.encode(word)
      expect(ids.length).toBeGreaterThan(0)
      for (const id of ids) expect(Number.isInteger(id) && id >= 0 && id < 49406).toBe(true)
    }
  })

  it("gives ids of the vocabulary for any text, word by word", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 })
    fc.assert(
      fc.property(text, text, (left, right) => {
        const [a, b] = [tokenizer.encode(left), tokenizer.encode(right)]
        for (const id of [...a, ...b]) expect(Number.isInteger(id) && id >= 0 && id < 49408).toBe(true)
        expect(tokenizer.encode(`${left} ${right}`)).toEqual([...a, ...b])
      }),
    )
  })

  it("accepts half of a surrogate pair", () => {
    expect(tokenizer.encode("a\ud800")).toEqual(tokenizer.encode("a\ufffd"))
  })

  it("reads merges with the line ends of Windows", () => {
    const windows = createTokenizer(merges.replaceAll("\n", "\r\n"))
    expect(windows.encode("a photo of a cat")).toEqual([320, 1125, 539, 320, 2368])
  })

  it("refuses a text that is not a list of merges, and names the line", () => {
    expect(() => createTokenizer("#version: 0.2\ni n\n")).toThrow(/line 1 of the merges.*version/)
    expect(() => createTokenizer("i n\nin g x\n")).toThrow(/line 2/)
    expect(() => createTokenizer("ing </w>\n")).toThrow(/line 1/)
    expect(() => createTokenizer("i n\ni n\n")).toThrow(/a second time/)
    expect(() => createTokenizer("i n\n\nin g\n")).toThrow(/line 2 of the merges, ""/)
    expect(createTokenizer("i n\nin g</w>").vocabularySize).toBe(512 + 2 + 2)
  })
})
