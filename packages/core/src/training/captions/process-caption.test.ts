import { describe, expect, it } from "vitest"
import { createPythonRandom } from "../../random/python.ts"
import type { CaptionMoment, CaptionRandom } from "./index.ts"
import { captionChanges, checkCaptionRules, processCaption } from "./index.ts"
import type { CaptionRules } from "./rules.ts"

/** Chooses the last, reverses, and draws these numbers in order. */
function fixed(...numbers: readonly number[]): CaptionRandom {
  const left = [...numbers]
  return {
    random: () => {
      const next = left.shift()
      if (next === undefined) throw new Error("there is no further draw")
      return next
    },
    choice: (list) => list.at(-1) as (typeof list)[number],
    shuffled: (list) => [...list].reverse(),
  }
}

const START: CaptionMoment = { epoch: 1, step: 0, steps: 100 }
const read = (caption: string, rules: CaptionRules, random = fixed(), moment = START): string =>
  processCaption(caption, rules, random, moment)

describe("a caption at a step", () => {
  it("is as it stands without rules, without a draw", () => {
    expect(read(" a ,  b,, {c|d}", {})).toBe(" a ,  b,, {c|d}")
    expect(read("first\nsecond", {})).toBe("first")
  })

  it("shuffles tags behind those that stay", () => {
    expect(read("a, b, c, d", { shuffle: true })).toBe("d, c, b, a")
    expect(read("a, b, c, d", { shuffle: true, keepTokens: 2 })).toBe("a, b, d, c")
    expect(read("a, b", { shuffle: true, keepTokens: 9 })).toBe("a, b")
  })

  it("keeps what stands before a sign, and behind its second", () => {
    const rules = { shuffle: true, keepTokensSeparator: "|||", keepTokens: 1 }
    expect(read("a, b ||| c, d, e ||| f, g", rules)).toBe("a, b, e, d, c, f, g")
    expect(read("a ||| c, d", rules)).toBe("a, d, c")
    expect(read("c, d, e", rules)).toBe("c, e, d")
  })

  it("never leaves the sign in the text, other than sd-scripts", () => {
    const rules = { keepTokensSeparator: "|||" }
    expect(read("a, b ||| c ||| d ||| e", rules)).toBe("a, b, c, d, e")
    expect(read("a, b ||| c", { ...rules, compat: "sd-scripts" })).toBe("a, b ||| c")
    expect(read("a ||| b ||| c ||| d", { ...rules, shuffle: true, compat: "sd-scripts" })).toBe("a, b, c ||| d")
  })

  it("turns the secondary separator into the first at the end, so that tags stay together", () => {
    const rules = { shuffle: true, secondarySeparator: ";;;" }
    expect(read("a, b;;;c, d", rules)).toBe("d, b,c, a")
    expect(read("a;;;$&", { ...rules, separator: "$&" })).toContain("$&")
  })

  it("is empty where dropout draws below the rate, and draws nothing at a rate of 0", () => {
    expect(read("a", { dropoutRate: 0.5, prefix: "p" }, fixed(0.49))).toBe("")
    expect(read("a", { dropoutRate: 0.5, prefix: "p" }, fixed(0.5))).toBe("p a")
    expect(read("a", { dropoutRate: 0 })).toBe("a")
  })

  it("is empty in each n-th epoch, counted from 1", () => {
    const at = (epoch: number): string => read("a", { dropoutEveryNEpochs: 3 }, fixed(), { ...START, epoch })
    expect([1, 2, 3, 4, 5, 6].map(at)).toEqual(["a", "a", "", "a", "a", ""])
  })

  it("leaves out tags, and never those that stay", () => {
    const rules = { tagDropoutRate: 0.5, keepTokens: 1 }
    expect(read("a, b, c, d", rules, fixed(0.1, 0.5, 0.2))).toBe("a, c")
    expect(read("a, b", { ...rules, tagDropoutRate: 1 }, fixed(0.999))).toBe("a")
  })

  it("grows over the warm-up from its least number of tags to all", () => {
    const rules = { warmupMin: 2, warmupSteps: 10 }
    const at = (step: number): number => read("a, b, c, d, e, f", rules, fixed(), { ...START, step }).split(",").length
    expect([0, 3, 5, 9, 10, 50].map(at)).toEqual([2, 3, 4, 5, 6, 6])
    // Below 1 it is a share of the run, and 1 is a step.
    const share = (warmupSteps: number) => (step: number) =>
      read("a, b, c, d, e, f", { warmupMin: 2, warmupSteps }, fixed(), { ...START, step }).split(",").length
    expect([0, 25, 49, 50].map(share(0.5))).toEqual([2, 4, 5, 6])
    expect([0, 1, 50].map(share(1))).toEqual([2, 6, 6])
    expect(read("a", rules)).toBe("a")
  })

  it("takes a warm-up below 1 as a share of the run", () => {
    const rules = { warmupMin: 1, warmupSteps: 0.1 }
    const at = (step: number): string => read("a, b, c", rules, fixed(), { epoch: 1, step, steps: 100 })
    expect([0, 5, 9, 10].map(at)).toEqual(["a", "a, b", "a, b", "a, b, c"])
    expect(read("a, b, c", rules, fixed(), { epoch: 1, step: 0, steps: 9 })).toBe("a, b, c")
  })

  it("is one of its lines, each with the prefix and the suffix", () => {
    const rules = { wildcard: true, prefix: "p,", suffix: "s" }
    expect(read("one\ntwo", rules)).toBe("p, two s")
    expect(read("one\ntwo", { ...rules, compat: "sd-scripts" })).toBe("two s")
  })

  it("chooses options in the prefix, too", () => {
    expect(read("cat", { wildcard: true, prefix: "a {photo|picture} of a" })).toBe("a picture of a cat")
  })

  it("differs from sd-scripts only where that is broken", () => {
    const captions = ["a, {b|c}, d", "e", "", "f, {g} h, {{i}}"]
    const rules = { shuffle: true, keepTokens: 1, tagDropoutRate: 0.2, dropoutRate: 0.2, wildcard: true, prefix: "p" }
    const all = (compat: CaptionRules["compat"]): readonly string[] => {
      const random = createPythonRandom(4)
      return Array.from({ length: 40 }, (_, i) =>
        processCaption(captions[i % captions.length] ?? "", { ...rules, compat: compat ?? null }, random, START),
      )
    }
    expect(all(null)).toEqual(all("sd-scripts"))
    expect(new Set(all(null)).size).toBeGreaterThan(8)
  })
})

describe("captions that change", () => {
  it("are those whose rules or groups may make another text", () => {
    const changing: readonly CaptionRules[] = [
      { shuffle: true },
      { dropoutRate: 0.1 },
      { dropoutEveryNEpochs: 2 },
      { tagDropoutRate: 0.1 },
      { warmupSteps: 10 },
      { wildcard: true, prefix: "{a|b}" },
    ]
    for (const rules of changing) expect(captionChanges("a", rules), JSON.stringify(rules)).toBe(true)
    expect(captionChanges("{a|b}", { wildcard: true })).toBe(true)
    expect(captionChanges("a\nb", { wildcard: true })).toBe(true)
    expect(captionChanges("a, b", { wildcard: true })).toBe(false)
    expect(captionChanges("{a|b}", { prefix: "p", keepTokens: 2, secondarySeparator: ";" })).toBe(false)
  })
})

describe("rules of captions", () => {
  it("are refused with the name of a wrong one", () => {
    expect(() => checkCaptionRules({ dropoutRate: 2 })).toThrow(
      "captions: dropoutRate is 2, expected a number from 0 to 1",
    )
    expect(() => checkCaptionRules({ keepTokens: 1.5 })).toThrow("keepTokens is 1.5")
    expect(() => checkCaptionRules({ warmupSteps: Number.NaN })).toThrow("warmupSteps is NaN")
    expect(() => checkCaptionRules({ separator: "" })).toThrow("separator is empty")
    expect(() => checkCaptionRules({})).not.toThrow()
  })
})
