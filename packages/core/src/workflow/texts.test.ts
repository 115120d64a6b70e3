import { describe, expect, it } from "vitest"
import type { PartRecipe } from "../recipe/recipe.ts"
import { addPrompt } from "./text-graph.ts"
import { textsOf } from "./texts.ts"
import type { ConditioningArea, ConditioningPart, ConditioningValue, SamplerRun } from "./values.ts"
import type { WrittenLink, WrittenNode } from "./written-node.ts"

/** Not square, so that sides cannot be taken for each other. */
const SIZE = { width: 256, height: 128 }

const part = (text: string, changes: Partial<ConditioningPart> = {}): ConditioningPart => ({
  ...{ text, textWeight: 1, mix: [], strength: 1, maskStrength: 1, start: 0, end: 1 },
  ...{ area: null, mask: null, seesMask: false, ...changes },
})
const area = (left: number, top: number, width: number, height: number): { readonly area: ConditioningArea } => ({
  area: { unit: "parts", left, top, width, height },
})

function read(positive: readonly ConditioningPart[], negative: readonly ConditioningPart[], firstTexts = ["", ""]) {
  const notices: string[] = []
  const side = (parts: readonly ConditioningPart[], firstText: string | undefined): ConditioningValue =>
    ({ parts, isJoined: parts.length > 1, firstText, clip: { clipSkip: 2 } }) as unknown as ConditioningValue
  const run = { positive: side(positive, firstTexts[0]), negative: side(negative, firstTexts[1]), guidanceScale: 4 }
  const texts = textsOf(run as SamplerRun, SIZE, {
    problem: (text) => notices.push(text),
    notice: (text) => notices.push(text),
  })
  return { texts, notices }
}

describe("texts of a run", () => {
  // A part of the negative prompt has an opposite: the text of the smallest part that holds its area.
  it.each([
    ["the left of it lies outside", area(0.5, 0, 0.5, 1), area(0, 0, 0.25, 1), "a city"],
    ["the lower half lies outside", area(0, 0, 1, 0.5), area(0, 0.5, 1, 0.5), "a city"],
    ["the upper half lies outside", area(0, 0.5, 1, 0.5), area(0, 0, 1, 0.5), "a city"],
    ["the right of it lies outside", area(0, 0, 0.5, 1), area(0.25, 0, 0.5, 1), "a city"],
    ["it lies inside", area(0, 0, 0.5, 1), area(0.125, 0.25, 0.25, 0.5), "a tower"],
  ])("have for an area the text around it: %s", (_, own, other, opposite) => {
    const { texts } = read([part("a city"), part("a tower", own)], [part("blurry"), part("grey", other)])
    expect(texts?.prompt).toBe(`a city :1 AND a tower :1 AND ${opposite} :1`)
  })

  it("have no gap where one part follows another, in any order", () => {
    const [early, late] = [part("a", { end: 0.4 }), part("b", { start: 0.4 })]
    expect(read([late, early], [part("")]).notices).toEqual([])
    expect(read([early, { ...late, start: 0.5 }], [part("")]).notices).toHaveLength(1)
  })

  it("have for each side what its first encoder reads", () => {
    expect(read([part("a")], [part("b")], ["first a", "first b"]).texts).toMatchObject({
      firstPrompt: "first a",
      firstNegativePrompt: "first b",
    })
  })
})

describe("the nodes of a text", () => {
  function write(text: string, first: string | undefined, parts?: readonly PartRecipe[]) {
    const nodes: WrittenNode[] = []
    const encoded: (readonly [string, string])[] = []
    const link = (node: number): WrittenLink => ({ node, slot: 0 })
    addPrompt(
      { text, first, parts },
      text.includes(" AND "),
      (own, other) => link(encoded.push([own, other])),
      (type, title, inputs) => link(100 + nodes.push({ type, title, inputs })),
      () => {},
    )
    return { nodes, encoded }
  }

  it("have a text of the first encoder where there is one part", () => {
    expect(write("a", "z").encoded).toEqual([["a", "z"]])
    const { nodes, encoded } = write("a :0.5 AND b :0.5", "z")
    expect(encoded).toEqual([
      ["a", "a"],
      ["b", "b"],
    ])
    expect(nodes.map(({ type, inputs }) => [type, inputs])).toEqual([
      ["ConditioningCombine", { conditioning_1: { node: 1, slot: 0 }, conditioning_2: { node: 2, slot: 0 } }],
    ])
  })

  it("have the strength of a part once, at its mask if it has one", () => {
    const place = {
      strength: 0.5,
      start: 0,
      end: 1,
      sees: "area",
      area: { left: 0.1, top: 0.2, width: 0.3, height: 0.4 },
    }
    const strengths = (own: object): readonly unknown[] =>
      write("a", undefined, [own as PartRecipe]).nodes.flatMap(({ type, inputs }) =>
        Object.entries(inputs).flatMap(([name, value]) => (name === "strength" ? [[type, value]] : [])),
      )
    expect(strengths(place)).toEqual([["ConditioningSetAreaPercentage", 0.5]])
    expect(strengths({ ...place, mask: { file: { path: "m.png" } } })).toEqual([
      ["ConditioningSetAreaPercentage", 1],
      ["ConditioningSetMask", 0.5],
    ])
    expect(strengths({ strength: 0.5, start: 0, end: 1 })).toEqual([["ConditioningSetAreaStrength", 0.5]])
  })
})
