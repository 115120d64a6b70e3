import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { readTextualInversion, tokenizerOf, withInversions } from "./textual-inversion.ts"
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

describe("a text model with textual inversions", () => {
  const model = { tokenizer: plain, text1: { config: { width: 2 } }, text2: { config: { width: 3 } } } as Parameters<
    typeof withInversions
  >[0]
  const inversion = (name: string, vectors: number, from = 0) => ({
    ...{ name, vectors },
    text1: Float32Array.from({ length: 2 * vectors }, (_, i) => from + i),
    text2: Float32Array.from({ length: 3 * vectors }, (_, i) => from - i),
  })

  it("has all vectors of both encoders in the order of the ids, and nothing without any", () => {
    expect(withInversions(model, [])).toBe(model)
    const { tokenizer, text1, text2 } = withInversions(model, [inversion("ink", 2, 10), inversion("oil", 1, 50)])
    expect(tokenizer.encode("oil ink")).toEqual([first + 2, first, first + 1])
    expect([...(text1.added ?? [])]).toEqual([10, 11, 12, 13, 50, 51])
    expect([...(text2.added ?? [])]).toEqual([10, 9, 8, 7, 6, 5, 50, 49, 48])
    expect(withInversions(model, [inversion("ink", 1)], "sd-scripts").tokenizer.encode("drinks")).toContain(first)
  })

  it.each([
    ["two of one name, in any case", [inversion("ink", 1), inversion("INK", 1)], '"INK": two have this name'],
    ["one without a name", [inversion(" ", 1)], "it has no name"],
    [
      "another width of the first encoder",
      [{ ...inversion("ink", 2), text1: new Float32Array(6) }],
      "its vectors are 3 and 3 wide, those of this SDXL 2 and 3",
    ],
    [
      "another width of the second encoder",
      [{ ...inversion("ink", 2), text2: new Float32Array(4) }],
      "its vectors are 2 and 2 wide, those of this SDXL 2 and 3",
    ],
  ])("refuses %s", (_, list, message) => {
    expect(() => withInversions(model, list)).toThrow(message)
  })

  it("is found by the longer of two names, with letters of all kinds around and in them", () => {
    const tokenizer = tokenizerOf(plain, [
      { name: "a+b", vectors: 1 },
      { name: "a+b/c", vectors: 1 },
      { name: "été", vectors: 1 },
    ])
    expect(tokenizer.encode("A+B/C a+b")).toEqual([first + 1, first])
    expect(tokenizer.encode("aab")).toEqual(plain.encode("aab"))
    expect(tokenizer.encode("ÉTÉ")).toEqual([first + 2])
    expect(tokenizer.encode("étés")).toEqual(plain.encode("étés"))
    for (const ending of [".safetensors", ".pt", ".bin"]) expect(tokenizer.encode(`a+b${ending}`)).toEqual([first])
    expect(tokenizer.encode("a+b.png")).toEqual([first, ...plain.encode(".png")])
    const exact = tokenizerOf(plain, [{ name: "ink", vectors: 3 }], "sd-scripts")
    expect(exact.encode("embedding:ink ink1ink2ink3")).toEqual([
      ...[first, first + 1, first + 2, first + 1, first + 2],
      ...[first, first + 1, first + 2, ...plain.encode("3")],
    ])
    expect(tokenizerOf(plain, [])).toBe(plain)
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
    const [name, { shape, dtype }] = entry("clip_l", [1, 2])
    const values = Float32Array.of(0.5, -2)
    const file: [string, WeightEntry] = [name, { name, dtype, shape, read: async () => new Uint8Array(values.buffer) }]
    expect((await read(file, entry("clip_g", [1, 5]))).text1).toEqual(values)
  })

  it("refuses other files by what they hold", async () => {
    await expect(read(entry("emb_params", [2, 768]))).rejects.toThrow(
      'has "emb_params" F32 [2, 768], expected vectors "clip_l" and "clip_g". It is for Stable Diffusion 1. Give',
    )
    await expect(read(entry("emb_params", [1, 1024]))).rejects.toThrow("It is for Stable Diffusion 2. Give")
    await expect(read(entry("emb_params", [1, 1280]))).rejects.toThrow(
      '"emb_params" F32 [1, 1280], expected vectors "clip_l" and "clip_g". Give a textual inversion for SDXL.',
    )
    await expect(read()).rejects.toThrow("a.safetensors has no tensor, expected vectors")
    await expect(read(...["a", "b", "c", "d"].map((name) => entry(name, [1])))).rejects.toThrow(
      'has "a" F32 [1], "b" F32 [1], "c" F32 [1], expected',
    )
    await expect(read(entry("text_encoders_1", [1, 5]))).rejects.toThrow(
      'expected vectors "text_encoders_0" and "text_encoders_1"',
    )
    await expect(read(entry("clip_l", [1, 2, 3]), entry("clip_g", [2, 5]))).rejects.toThrow("[1, 2, 3], ")
    await expect(read(entry("clip_l", [0, 3]), entry("clip_g", [0, 5]))).rejects.toThrow("0 vectors for the first")
    const integers: [string, WeightEntry] = ["clip_l", { ...entry("clip_l", [1, 3])[1], dtype: "I64" }]
    await expect(read(integers, entry("clip_g", [1, 5]))).rejects.toThrow('has "clip_l" I64 [1, 3]')
    await expect(read(entry("clip_l", [2, 3]))).rejects.toMatchObject({ code: "textual-inversion" })
    await expect(read(entry("clip_l", [2, 3]), entry("clip_g", [1, 5]))).rejects.toThrow("2 vectors for the first")
  })
})
