import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseComfyUiWeights } from "./comfyui-weights.ts"

const runs = (prompt: string) =>
  parseComfyUiWeights(prompt).map(({ text, weight }) => [text, Number(weight.toFixed(4))])

describe("parseComfyUiWeights", () => {
  it.each([
    [
      "a (red) star",
      [
        ["a ", 1],
        ["red", 1.1],
        [" star", 1],
      ],
    ],
    ["((red))", [["red", 1.21]]],
    // A number is the weight itself. In A1111's syntax it multiplies.
    [
      "(a (b:1.5) c:2)",
      [
        ["a ", 2],
        ["b", 1.5],
        [" c", 2],
      ],
    ],
    [
      "(a (b) c:2)",
      [
        ["a ", 2],
        ["b", 2.2],
        [" c", 2],
      ],
    ],
    ["(12:30:1.2)", [["12:30", 1.2]]],
    ["(a:b)", [["a:b", 1.1]]],
    ["(:1.2)", [[":1.2", 1.1]]],
    ["\\(a\\) [b] BREAK c", [["(a) [b] BREAK c", 1]]],
    ["(a", [["(a", 1]]],
    ["a) b", [["a) b", 1]]],
    ["a) (b) c", [["a) (b) c", 1]]],
    ["()", []],
    ["", []],
  ])("reads %j", (prompt, expected) => {
    expect(runs(prompt)).toEqual(expected)
  })

  it("keeps all text but brackets and numbers, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "(", ")", ":", "1", "\\", " "), maxLength: 40 }), (prompt) => {
        const text = parseComfyUiWeights(prompt)
          .map((run) => run.text)
          .join("")
        expect(prompt.replaceAll(/[^a]/g, "")).toBe(text.replaceAll(/[^a]/g, ""))
      }),
    )
    expect(parseComfyUiWeights("(".repeat(50_000) + ")".repeat(50_000))).toHaveLength(1)
  })
})
