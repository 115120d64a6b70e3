import { describe, expect, it } from "vitest"
import { createPythonRandom } from "../../random/python.ts"
import { createStream } from "../../random/stream.ts"
import { drawCaption, frequentTexts, longestCaption, plainCaption, type RuledCaption } from "./index.ts"

const MOMENT = { epoch: 1, step: 0, steps: 10 }
const SHUFFLED: RuledCaption = { caption: "a, b, c, d, e, f, g, h", rules: { shuffle: true } }

describe("the caption of a row", () => {
  it("follows from the seed, the batch and the row alone", () => {
    const at = (seed: number, step: number, index: number): string =>
      drawCaption(SHUFFLED, seed, { step, index }, MOMENT)
    expect(at(1, 2, 3)).toBe(at(1, 2, 3))
    const different = [at(1, 2, 3), at(2, 2, 3), at(1, 3, 3), at(1, 2, 4)]
    expect(new Set(different).size).toBe(4)
    expect(different.map((text) => text.split(", ").sort().join(", "))).toEqual(new Array(4).fill(SHUFFLED.caption))
  })

  it("is drawn by Python's generator, whose seed has 24 bits of each of two numbers of the stream", () => {
    const at = { step: 3, index: 2 }
    const [high = 0, low = 0] = createStream(5, "captions").uniform(2, at)
    const seed = (BigInt(high * 2 ** 24) << 24n) + BigInt(low * 2 ** 24)
    const shuffled = createPythonRandom(Number(seed)).shuffled(SHUFFLED.caption.split(", "))
    expect(drawCaption(SHUFFLED, 5, at, MOMENT)).toBe(shuffled.join(", "))
  })

  it("has another text in most draws, and leaves out a share of captions", () => {
    const dropped: RuledCaption = { caption: "a", rules: { dropoutRate: 0.25 } }
    const texts = Array.from({ length: 2000 }, (_, step) => drawCaption(dropped, 5, { step }, MOMENT))
    expect(texts.filter((text) => text === "").length / texts.length).toBeCloseTo(0.25, 1)
  })
})

describe("the plain caption", () => {
  it("has all tags in their order, and one option of each group", () => {
    const rules = { ...SHUFFLED.rules, dropoutRate: 1, tagDropoutRate: 1, warmupSteps: 9, dropoutEveryNEpochs: 1 }
    expect(plainCaption({ ...SHUFFLED, rules }, 0, 0)).toBe(SHUFFLED.caption)
    const choice: RuledCaption = { caption: "{a|b|c|d}", rules: { wildcard: true, prefix: "p" } }
    const texts = Array.from({ length: 200 }, (_, index) => plainCaption(choice, 0, index))
    expect(new Set(texts)).toEqual(new Set(["p a", "p b", "p c", "p d"]))
  })
})

describe("the longest caption", () => {
  it("has the longest line, with the longest option of each group", () => {
    const rules = { wildcard: true, shuffle: true, dropoutRate: 1, suffix: "s" }
    expect(longestCaption({ caption: "ab\n{a|long {x|yy}|bb}, end", rules })).toBe("long yy, end s")
    expect(longestCaption({ caption: "{a|bbb}", rules: { ...rules, compat: "sd-scripts" } })).toBe("bbb s")
  })
})

describe("the texts that are worth keeping", () => {
  const textsOf = (rules: RuledCaption["rules"], caption = "a, b"): readonly string[] =>
    frequentTexts({ caption, rules }, 3, 1)

  it.each([
    ["of a caption that stays", {}, ["p a, b"]],
    ["of one that is left out at times", { dropoutRate: 0.1 }, ["p a, b", ""]],
    ["of one that is left out in some epochs", { dropoutEveryNEpochs: 2 }, ["p a, b", ""]],
    ["of one that grows, when it has all of its tags", { warmupSteps: 100 }, ["p a, b"]],
    ["of shuffled tags", { shuffle: true }, []],
    ["of tags that are left out", { tagDropoutRate: 0.5 }, []],
    ["of shuffled tags that are left out at times", { shuffle: true, dropoutRate: 0.1 }, [""]],
    ["where nothing can be chosen", { wildcard: true }, ["p a, b"]],
    [
      "where nothing can be chosen, in spite of what else changes",
      { wildcard: true, warmupSteps: 9, dropoutRate: 1 },
      ["p a, b", ""],
    ],
  ] as [string, RuledCaption["rules"], string[]][])("%s", (_, rules, texts) => {
    expect(textsOf({ prefix: "p", ...rules })).toEqual(texts)
  })

  it("are none where an option is chosen, and the line as it is where it is none", () => {
    expect(textsOf({ wildcard: true }, "{a|b}")).toEqual([])
    expect(textsOf({}, "{a|b}")).toEqual(["{a|b}"])
  })
})
