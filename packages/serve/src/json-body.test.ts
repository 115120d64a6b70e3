import fc from "fast-check"
import { expect, it } from "vitest"
import { checkDepth } from "./json-body.ts"

const nested = (depth: number, open = "[", close = "]"): string => `${open.repeat(depth)}1${close.repeat(depth)}`

it("refuses what nests deeper than a hundred, also where it does not end", () => {
  checkDepth(nested(100))
  checkDepth(nested(100, '{"a":', "}"))
  for (const text of [nested(101), nested(101, '{"a":', "}"), "[".repeat(200), `{"a":"\\"",${nested(200).slice(1)}`]) {
    expect(() => checkDepth(text)).toThrow("more than 100 lists and objects")
  }
})

it("does not count what stands in a string", () => {
  for (const text of [
    JSON.stringify("[".repeat(500)),
    '"\\"[[',
    `"${"\\\\".repeat(300)}"`,
    `"\\\\\\"${"{".repeat(200)}"`,
  ]) {
    checkDepth(text)
  }
})

it("takes all other JSON", () => {
  fc.assert(fc.property(fc.json({ maxDepth: 8 }), (text) => checkDepth(text)))
})
