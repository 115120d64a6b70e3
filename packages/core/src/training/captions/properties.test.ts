import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createPythonRandom } from "../../random/python.ts"
import { captionChanges, longestCaption, plainCaption, processCaption } from "./index.ts"
import type { CaptionRules } from "./rules.ts"

const tag = fc.stringMatching(/^[a-z]{1,6}$/)
const tags = fc.array(tag, { minLength: 1, maxLength: 12 })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const anyRules: fc.Arbitrary<CaptionRules> = fc.record(
  {
    prefix: fc.string(),
    suffix: fc.string(),
    wildcard: fc.boolean(),
    shuffle: fc.boolean(),
    separator: fc.string({ minLength: 1, maxLength: 3 }),
    keepTokens: fc.nat(15),
    keepTokensSeparator: fc.constantFrom("", "|||", "a"),
    secondarySeparator: fc.constantFrom(null, ";;;", "$&", ","),
    dropoutRate: share,
    dropoutEveryNEpochs: fc.nat(4),
    tagDropoutRate: share,
    warmupMin: fc.nat(20),
    warmupSteps: fc.oneof(share, fc.nat(100)),
    compat: fc.constantFrom(null, "sd-scripts" as const),
  },
  { requiredKeys: [] },
)
const moment = fc.record({ epoch: fc.integer({ min: 1, max: 9 }), step: fc.nat(200), steps: fc.nat(200) })

/** Rules of which wildcards alone may change a caption. */
const stillRules = anyRules.map((rules) => ({
  ...rules,
  ...{ shuffle: false, dropoutRate: 0, dropoutEveryNEpochs: 0, tagDropoutRate: 0, warmupSteps: 0 },
}))

describe("any caption under any rules", () => {
  it("becomes a text, and the same one for the same draws", () => {
    const caption = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom("{", "}", "|", ",", "\n", "a", "|||")).map((l) => l.join("")),
    )
    fc.assert(
      fc.property(caption, anyRules, fc.nat(), moment, (text, rules, seed, when) => {
        const read = (): string => processCaption(text, rules, createPythonRandom(seed), when)
        expect(typeof read()).toBe("string")
        expect(read()).toBe(read())
        expect(typeof plainCaption({ caption: text, rules }, seed, 0)).toBe("string")
        expect(typeof longestCaption({ caption: text, rules })).toBe("string")
      }),
    )
  })

  it("does not change where it is said not to", () => {
    fc.assert(
      fc.property(fc.string(), stillRules, fc.nat(), fc.nat(), moment, moment, (text, rules, a, b, first, second) => {
        fc.pre(!captionChanges(text, rules))
        expect(processCaption(text, rules, createPythonRandom(a), first)).toBe(
          processCaption(text, rules, createPythonRandom(b), second),
        )
      }),
    )
  })

  it("keeps the first tags, has every other tag at most once, and all of them without dropout after the warm-up", () => {
    fc.assert(
      fc.property(
        tags,
        fc.nat(12),
        share,
        fc.nat(50),
        fc.nat(60),
        fc.nat(),
        (list, keepTokens, rate, end, step, seed) => {
          const rules = { shuffle: true, keepTokens, tagDropoutRate: rate, warmupSteps: end }
          const text = processCaption(list.join(","), rules, createPythonRandom(seed), { epoch: 1, step, steps: 60 })
          const found = text === "" ? [] : text.split(", ")
          expect(found.slice(0, keepTokens)).toEqual(list.slice(0, Math.min(keepTokens, list.length)))
          const left = [...list]
          for (const each of found) expect(left.splice(left.indexOf(each), 1)).toEqual([each])
          if (rate === 0 && step >= end) expect(left).toEqual([])
          if (rate === 1) expect(found).toHaveLength(Math.min(keepTokens, list.length))
        },
      ),
    )
  })
})
