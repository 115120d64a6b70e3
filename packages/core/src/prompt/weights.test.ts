import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseWeights } from "./weights.ts"

const parse = (prompt: string) => parseWeights(prompt).map(({ text, weight }) => [text, Number(weight.toFixed(4))])

describe("parseWeights", () => {
  it.each([
    ["a cat", [["a cat", 1]]],
    [
      "a (cat)",
      [
        ["a ", 1],
        ["cat", 1.1],
      ],
    ],
    [
      "((a))[b]",
      [
        ["a", 1.21],
        ["b", 0.9091],
      ],
    ],
    [
      "(a (b:2) c:0.5)",
      [
        ["a ", 0.5],
        ["b", 1],
        [" c", 0.5],
      ],
    ],
    [
      "(a:-.5)(b:+1.)",
      [
        ["a", -0.5],
        ["b", 1],
      ],
    ],
    [
      "(a [b)]",
      [
        ["a ", 1.1],
        ["b", 1],
      ],
    ],
    ["(open", [["open", 1.1]]],
    ["closed)]", [["closed)]", 1]]],
    ["\\(a\\) \\[b\\] \\\\ \\n", [["(a) [b] \\ n", 1]]],
    [
      "(a:1.2.3) b",
      [
        ["a:1.2.3", 1.1],
        [" b", 1],
      ],
    ],
    ["(a: 1.2)", [["a: 1.2", 1.1]]],
    ["a:1.5) b", [["a:1.5) b", 1]]],
    ["", []],
  ])("reads %j", (prompt, runs) => {
    expect(parse(prompt)).toEqual(runs)
  })

  it("finds BREAK anywhere, and gives it to nothing else", () => {
    expect(parseWeights("(a BREAK b:2)BREAKc BREA K")).toEqual([
      { text: "a ", weight: 2, isBreak: false },
      { text: "BREAK", weight: 2, isBreak: true },
      { text: " b", weight: 2, isBreak: false },
      { text: "BREAK", weight: 1, isBreak: true },
      { text: "c BREA K", weight: 1, isBreak: false },
    ])
  })

  it("loses no text without brackets, colons and backslashes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const plain = text.replace(/[\\()[\]:]/g, "")
        expect(
          parseWeights(plain)
            .map(({ text }) => text)
            .join(""),
        ).toBe(plain)
      }),
    )
  })

  it("reads escaped text as it stands", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const escaped = text.replace(/BREAK/g, "").replace(/[\\()[\]]/g, (sign) => `\\${sign}`)
        const runs = parseWeights(escaped)
        expect(runs.map(({ text }) => text).join("")).toBe(text.replace(/BREAK/g, ""))
        expect(runs.every(({ weight }) => weight === 1)).toBe(true)
      }),
    )
  })

  it("takes ten thousand open brackets", () => {
    const [run] = parseWeights(`${"[".repeat(10_000)}deep`)
    expect(run?.weight).toBeCloseTo(0)
  })
})
