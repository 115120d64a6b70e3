import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { parseWeights } from "../../prompt/weights.ts"
import { createTokenizer } from "./tokenizer.ts"
import { chunkCount, promptTokenChunks, readPrompt, sdScriptsRows, weightedRows } from "./weighted-prompt.ts"

const tokenizer = createTokenizer(readFileSync(new URL("../../../data/clip-merges.txt", import.meta.url), "utf8"))
const [START, END, CAT, DOG] = [49406, 49407, 2368, 1929]
const cats = (count: number): string => Array(count).fill("cat").join(" ")
const chunksOf = (prompt: string) => promptTokenChunks(tokenizer, parseWeights(prompt))
const lengths = (prompt: string): readonly number[] => chunksOf(prompt).map((chunk) => chunk.length)

describe("promptTokenChunks", () => {
  it("cuts after 75 tokens, and ends a chunk at BREAK", () => {
    expect(lengths("")).toEqual([0])
    expect(lengths(cats(75))).toEqual([75])
    expect(lengths(cats(76))).toEqual([75, 1])
    expect(lengths("cat BREAK dog dog")).toEqual([1, 2])
    expect(lengths(`${cats(75)} BREAK dog`)).toEqual([75, 1])
  })

  it("makes no empty chunk of a BREAK at either end, or of two", () => {
    expect(lengths("BREAK cat")).toEqual([1])
    expect(lengths("cat BREAK")).toEqual([1])
    expect(lengths("cat BREAK BREAK dog")).toEqual([1, 1])
    expect(lengths("BREAK")).toEqual([0])
  })
})

describe("promptTokenChunks of ComfyUI's syntax", () => {
  const lengths = (prompt: string): readonly number[] =>
    promptTokenChunks(tokenizer, readPrompt(prompt, "comfyui")).map((chunk) => chunk.length)
  const dogs = (count: number): string => `(${Array(count).fill("dog").join(" ")}:1.2)`

  it("moves a short run that does not fit into the next chunk, and cuts one of eight tokens", () => {
    expect(lengths(`${cats(73)} ${dogs(3)}`)).toEqual([73, 3])
    expect(lengths(`${cats(73)} ${dogs(7)}`)).toEqual([73, 7])
    expect(lengths(`${cats(73)} ${dogs(8)}`)).toEqual([75, 6])
    expect(lengths(`${cats(73)} ${dogs(2)}`)).toEqual([75])
  })

  it("cuts a short run in the other syntax", () => {
    expect(promptTokenChunks(tokenizer, parseWeights(`${cats(73)} ${dogs(3)}`)).map(({ length }) => length)).toEqual([
      75, 1,
    ])
  })
})

describe("readPrompt", () => {
  const runs = (prompt: string, syntax: Parameters<typeof readPrompt>[1]) =>
    readPrompt(prompt, syntax)
      .map(({ text, weight, isBreak }) => [text.trim(), Number(weight.toFixed(4)), isBreak])
      .filter(([text]) => text !== "")

  it("reads brackets and BREAK as the syntax has them", () => {
    const prompt = "(a:1.5) BREAK [b]"
    expect(runs(prompt, "weighted")).toEqual([
      ["a", 1.5, false],
      ["BREAK", 1, true],
      ["b", 0.9091, false],
    ])
    expect(runs(prompt, "comfyui")).toEqual([
      ["a", 1.5, false],
      ["BREAK [b]", 1, false],
    ])
    expect(runs(prompt, "comfyui-joined")).toEqual([
      ["a", 1.5, false],
      ["BREAK", 1, true],
      ["[b]", 1, false],
    ])
    expect(runs(prompt, "plain")).toEqual([[prompt, 1, false]])
  })
})

describe("chunkCount", () => {
  const count = (prompt: string, compat: "sd-scripts" | null = null): number =>
    chunkCount(tokenizer, parseWeights(prompt), compat)

  it("is at least one, and the number of chunks, or of all tokens with sd-scripts' padding", () => {
    for (const compat of [null, "sd-scripts"] as const) {
      expect([0, 1, 75, 76, 150, 151].map((tokens) => count(cats(tokens), compat))).toEqual([1, 1, 1, 2, 2, 3])
    }
    // BREAK alone pads to 77 tokens, and after 75 tokens it adds two.
    expect([count("BREAK"), count("BREAK", "sd-scripts")]).toEqual([1, 2])
    expect([count(`${cats(72)} BREAK cat`), count(`${cats(72)} BREAK cat`, "sd-scripts")]).toEqual([2, 2])
    expect([count(`${cats(75)} BREAK ${cats(74)}`), count(`${cats(75)} BREAK ${cats(74)}`, "sd-scripts")]).toEqual([
      2, 3,
    ])
  })
})

describe("weightedRows", () => {
  it("has start, tokens, end and padding in each row, and weights beside them", () => {
    const { ids, weights } = weightedRows(tokenizer, chunksOf("(cat:1.5) BREAK dog"), 0, 3)
    expect(ids.map((row) => [...row.subarray(0, 4)])).toEqual([
      [START, CAT, END, 0],
      [START, DOG, END, 0],
      [START, END, 0, 0],
    ])
    expect(weights.map((row) => [...row.subarray(0, 3)])).toEqual([
      [1, 1.5, 1],
      [1, 1, 1],
      [1, 1, 1],
    ])
  })

  it("reads no chunk beyond its rows", () => {
    const { ids } = weightedRows(tokenizer, chunksOf(cats(80)), END, 1)
    expect([...(ids[0] ?? [])]).toEqual([START, ...Array(75).fill(CAT), END])
    expect(ids.length).toBe(1)
    for (const rows of [0, 1.5, -1])
      expect(() => weightedRows(tokenizer, chunksOf("cat"), END, rows)).toThrow(`chunks is ${rows}`)
  })
})

describe("sdScriptsRows", () => {
  it("begins text after BREAK two tokens late, as sd-scripts does", () => {
    const { ids, weights } = sdScriptsRows(tokenizer, parseWeights("cat BREAK (dog:2)"), 0, 2)
    expect([...(ids[0] ?? [])]).toEqual([START, CAT, ...Array(75).fill(0)])
    expect([...(ids[1] ?? [])].slice(0, 5)).toEqual([START, END, 0, DOG, END])
    expect(weights[1]?.[3]).toBe(2)
  })

  it("takes a word for padding that has the id of the padding, as sd-scripts does", () => {
    const SIGN = tokenizer.encode("!")[0] as number
    const prompt = parseWeights(`${cats(75)} ! cat`)
    const rows = (pad: number, count: number) => sdScriptsRows(tokenizer, prompt, pad, count).ids.map((row) => [...row])
    const whole = [START, ...Array(75).fill(CAT)]
    expect(rows(SIGN, 2)).toEqual([
      [...whole, SIGN],
      [START, END, CAT, END, ...Array(73).fill(SIGN)],
    ])
    expect(rows(SIGN, 1)).toEqual([[...whole, END]])
    expect(rows(END, 2)).toEqual([
      [...whole, END],
      [START, SIGN, CAT, ...Array(74).fill(END)],
    ])
  })

  it("is the same as ours without BREAK", () => {
    for (const count of [0, 1, 74, 75, 76, 150, 151]) {
      const prompt = parseWeights(`(${cats(count)}:1.2)`)
      for (const rows of [1, 2, 3]) {
        for (const pad of [0, END]) {
          expect(sdScriptsRows(tokenizer, prompt, pad, rows)).toEqual(
            weightedRows(tokenizer, promptTokenChunks(tokenizer, prompt), pad, rows),
          )
        }
      }
    }
  })
})
