import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { readTextualInversion, tokenizerOf } from "./textual-inversion.ts"
import { createTokenizer } from "./tokenizer.ts"

const plain = createTokenizer(readFileSync(new URL("../../../data/clip-merges.txt", import.meta.url), "utf8"))
const inversions = [
  { name: "style", vectors: 2 },
  { name: "style-two", vectors: 1 },
  { name: "v1.5 (a)", vectors: 1 },
]
const first = plain.vocabularySize

describe("a tokenizer with textual inversions", () => {
  const tokenizer = tokenizerOf(plain, inversions)
  const a = plain.encode("a")

  it("gives each vector an id after the vocabulary", () => {
    expect(tokenizer.encode("a style a style-two")).toEqual([...a, first, first + 1, ...a, first + 2])
    expect(tokenizer.encode("v1.5 (A)")).toEqual([first + 3])
  })

  it("reads names in any case, and as ComfyUI's, with an ending", () => {
    const both = [first, first + 1]
    expect(tokenizer.encode("STYLE, embedding:style a")).toEqual([...both, ...plain.encode(","), ...both, ...a])
    expect(tokenizer.encode("embedding:style.safetensors")).toEqual(both)
  })

  it("leaves a name within a word, unless it reads as sd-scripts", () => {
    for (const word of ["xstyle", "styles", "style1", "my_style"]) {
      expect(tokenizer.encode(word)).toEqual(plain.encode(word))
    }
    const compat = tokenizerOf(plain, inversions, "sd-scripts")
    expect(compat.encode("xstyles")).toEqual([...plain.encode("x"), first, first + 1, ...plain.encode("s")])
    expect(compat.encode("style1")).toEqual([first + 1])
    expect(compat.encode("STYLE")).toEqual(plain.encode("STYLE"))
  })
})

describe("readTextualInversion", () => {
  const entry = (name: string, shape: readonly number[]): [string, WeightEntry] => {
    const bytes = new Uint8Array(4 * shape.reduce((size, side) => size * side, 1))
    return [name, { name, dtype: "F32", shape, read: async () => bytes }]
  }
  const read = (...entries: readonly [string, WeightEntry][]) =>
    readTextualInversion({ label: "a.safetensors", entries: new Map(entries) }, "a")

  it("reads the keys of kohya and those of diffusers, with one vector or more", async () => {
    expect(await read(entry("clip_l", [2, 3]), entry("clip_g", [2, 5]))).toMatchObject({ name: "a", vectors: 2 })
    const one = await read(entry("text_encoders_0", [3]), entry("text_encoders_1", [5]))
    expect([one.vectors, one.text1.length, one.text2.length]).toEqual([1, 3, 5])
  })

  it("refuses other files by what they hold", async () => {
    await expect(read(entry("emb_params", [2, 768]))).rejects.toThrow(
      'has "emb_params" F32 [2, 768], expected vectors "clip_l" and "clip_g". It is for Stable Diffusion 1. Give',
    )
    await expect(read(entry("clip_l", [2, 3]))).rejects.toMatchObject({ code: "textual-inversion" })
    await expect(read(entry("clip_l", [2, 3]), entry("clip_g", [1, 5]))).rejects.toThrow("2 vectors for the first")
  })
})
