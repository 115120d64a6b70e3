import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { parseWeights } from "../../prompt/weights.ts"
import { createTokenizer } from "./tokenizer.ts"
import { promptTokenChunks, sdScriptsRows, weightedRows } from "./weighted-prompt.ts"

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
    expect(() => weightedRows(tokenizer, chunksOf("cat"), END, 0)).toThrow(/chunks is 0/)
  })
})

describe("sdScriptsRows", () => {
  it("begins text after BREAK two tokens late, as sd-scripts does", () => {
    const { ids, weights } = sdScriptsRows(tokenizer, parseWeights("cat BREAK (dog:2)"), 0, 2)
    expect([...(ids[0] ?? [])]).toEqual([START, CAT, ...Array(75).fill(0)])
    expect([...(ids[1] ?? [])].slice(0, 5)).toEqual([START, END, 0, DOG, END])
    expect(weights[1]?.[3]).toBe(2)
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
