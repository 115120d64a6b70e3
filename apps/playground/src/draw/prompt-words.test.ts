import { captionOf, heldOutSeed, makeScene } from "@lllite/tiny"
import { describe, expect, it } from "vitest"
import { englishOf } from "../../test/words.ts"
import { promptHint, promptParts, withWord } from "./prompt-words.ts"

describe("promptParts", () => {
  it("gives the prompt back, whatever it is", () => {
    for (const prompt of ["", "a cat", "猫 and a star", "(cat:1.2), dog's", " \ta\n", "🐈‍⬛🐈️ red"]) {
      expect(
        promptParts(prompt)
          .map(({ text }) => text)
          .join(""),
      ).toBe(prompt)
    }
  })

  it("marks words that the tiny SDXL was not trained on", () => {
    expect(promptParts("A red Cat and a (ring:1.2)").filter(({ isUnknown }) => isUnknown)).toEqual([
      { text: "Cat", isUnknown: true },
    ])
  })
})

describe("promptHint", () => {
  it("has nothing to say of the captions of the training", () => {
    for (let i = 0; i < 20; i++) expect(promptHint(captionOf(makeScene(heldOutSeed, i)))).toBeNull()
  })

  it.each([
    ["  ", "Without a prompt the model draws what it likes."],
    ["a cat and a cat", "The tiny model does not know “cat”."],
    ["赤いハート", "The tiny model does not know “赤いハート”. It reads a few English words alone."],
    ["🐈", "The tiny model does not know “🐈”. It reads a few English words alone."],
    ["👩‍👩‍👧‍👦", "The tiny model does not know “👩‍👩‍👧‍👦”. It reads a few English words alone."],
    ["one two three four five", "The tiny model does not know “one”, “two”, “three” and 2 more words."],
  ])("says of %j: %s", (prompt, hint) => {
    expect(englishOf(promptHint(prompt))).toBe(hint)
  })
})

it("adds a word after a space", () => {
  expect(withWord("", "red")).toBe("red")
  expect(withWord("a ", "red")).toBe("a red")
})
