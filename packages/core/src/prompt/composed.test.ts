import { describe, expect, it } from "vitest"
import { isGuided, partsOfPrompt, splitComposed } from "./composed.ts"

describe("splitComposed", () => {
  it("leaves a prompt without AND as it stands", () => {
    for (const prompt of ["a cat", " BAND AND1 sAND ", "a :1.2", ""]) {
      expect(splitComposed(prompt)).toEqual([{ text: prompt, weight: 1 }])
    }
  })

  it("reads parts with their weights", () => {
    expect(splitComposed("a cat AND (a dog:1.3) AND bird :0.5")).toEqual([
      { text: "a cat", weight: 1 },
      { text: "(a dog:1.3)", weight: 1 },
      { text: "bird", weight: 0.5 },
    ])
    expect(splitComposed("a AND b : -1\nAND c:2")).toEqual([
      { text: "a", weight: 1 },
      { text: "b", weight: -1 },
      { text: "c", weight: 2 },
    ])
  })
})

it("takes AND as text in the plain syntax", () => {
  expect(partsOfPrompt("a AND b", { syntax: "plain" })).toEqual([{ text: "a AND b", weight: 1 }])
  expect(isGuided([{ prompt: "a AND b" }], { guidanceScale: 1 })).toBe(true)
  expect(isGuided([{ prompt: "a AND b" }], { guidanceScale: 1, prompts: { syntax: "plain" } })).toBe(false)
  expect(isGuided([{ prompt: "a" }], { guidanceScale: 1 })).toBe(false)
})
