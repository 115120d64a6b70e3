import { describe, expect, it } from "vitest"
import { describeWithReference, referenceJson } from "../../../format/test/reference.ts"
import { expandPrompt, isDynamic } from "./dynamic.ts"

const prompts = (prompt: string, seeds = [1, 2, 3], wildcards: Readonly<Record<string, readonly string[]>> = {}) =>
  expandPrompt(prompt, seeds, {
    wildcard: (name) => (Object.hasOwn(wildcards, name) ? (wildcards[name] ?? null) : null),
  }).map(({ prompt }) => prompt)

interface DynamicCase {
  readonly prompt: string
  readonly seeds: readonly number[] | null
  readonly prompts?: readonly string[]
  readonly repeat: number
}

describeWithReference("dynamic prompts of sd-scripts", ["prompt.json"], () => {
  const { dynamic } = referenceJson<{ dynamic: { genImg: readonly DynamicCase[] } }>("prompt.json")
  const made = dynamic.genImg.filter((one) => one.prompts !== undefined && isDynamic(one.prompt))
  const isSame = ({ prompt, repeat }: DynamicCase): boolean => repeat === 1 || !prompt.includes("e$$")

  it.each(made.filter(isSame))("are the same: $prompt, $repeat times", ({ prompt, prompts, seeds, repeat }) => {
    const own = expandPrompt(prompt, (seeds ?? []).slice(0, repeat), { compat: "sd-scripts" })
    expect(own.map(({ prompt }) => prompt)).toEqual(prompts)
    expect(own.map(({ seed }) => seed)).toEqual(seeds)
  })

  it("differ only where sd-scripts repeats combinations with one seed", () => {
    expect(made.filter(isSame).length).toBe(43)
    expect(made.length).toBe(51)
  })
})

describe("expandPrompt", () => {
  it("makes each combination once for each seed", () => {
    expect(expandPrompt("{e$$a|b} {e$$c|d}", [7, 8])).toEqual([
      ...["a c", "a d", "b c", "b d"].map((prompt) => ({ prompt, seed: 7 })),
      ...["a c", "a d", "b c", "b d"].map((prompt) => ({ prompt, seed: 8 })),
    ])
    expect(prompts("{e$$a {e$$x|y}|b}", [1])).toEqual(["a x", "b", "a y"])
  })

  it("takes all options where more are asked for", () => {
    expect(prompts("{5$$a|b}", [1])[0]?.split(", ").sort()).toEqual(["a", "b"])
    expect(prompts("{0$$a|b}x", [1])).toEqual(["x"])
  })

  it("reads braces and dollars that are not syntax as text", () => {
    expect(prompts("\\{a|b\\} {", [1])).toEqual(["{a|b} {"])
    expect(prompts("a} b", [1])).toEqual(["a} b"])
    expect(prompts("{costs 5$$}", [1])).toEqual(["costs 5$$"])
    expect(prompts("{}", [1])).toEqual([""])
  })

  it("chooses lines of wildcards, also of wildcards in wildcards", () => {
    const wildcards = { colour: ["red", "{dark|light} blue"], animal: ["cat", "__colour__ dog"] }
    const found = new Set(
      prompts(
        "a __animal__",
        Array.from({ length: 60 }, (_, i) => i),
        wildcards,
      ),
    )
    expect([...found].sort()).toEqual(["a cat", "a dark blue dog", "a light blue dog", "a red dog"])
    expect(prompts("{e$$2$$__colour__}", [1], { colour: ["a", "b", "c"] })).toEqual(["a, b", "a, c", "b, c"])
    expect(prompts("{e$$__colour__|x}", [1], { colour: ["a", "b"] }).length).toBe(2)
  })

  it("leaves wildcards that are not there, and names of properties of objects", () => {
    expect(prompts("a __missing__ __toString__ __ __ ____", [1])).toEqual(["a __missing__ __toString__ __ __ ____"])
  })

  it("refuses a wildcard that names itself, and too many combinations", () => {
    expect(() => prompts("__a__", [1], { a: ["__b__"], b: ["__a__"] })).toThrow("__a__ names itself, by way of a, b, a")
    expect(() => prompts("{e$$0-12$$a|b|c|d|e|f|g|h|i|j|k|l}".repeat(2), [1])).toThrow("more than 100000 prompts")
    // 1.4e11 combinations, of different options and of equal ones.
    const options = Array.from({ length: 40 }, (_, i) => `o${i}`)
    expect(() => prompts(`{e$$20$$${options.join("|")}}`, [1])).toThrow("more than 100000 prompts")
    expect(() => prompts(`{e$$20$$${options.fill("o").join("|")}}`, [1])).toThrow("more than 100000 prompts")
  })

  it("refuses wildcards that make a text without an end", () => {
    const names = Array.from({ length: 18 }, (_, i) => `w${i}`)
    const lines = names.map((name, i) => [name, [i < 17 ? `__w${i + 1}__ `.repeat(10) : "x"]])
    expect(() => prompts("__w0__", [1], Object.fromEntries(lines))).toThrow(
      "the wildcard __w0__ makes more than 16777216 characters",
    )
    const empty = names.map((name, i) => [name, i < 17 ? [`__w${i + 1}__ `.repeat(10)] : []])
    expect(() => prompts("__w0__", [1], Object.fromEntries(empty))).toThrow("more than 16777216 characters")
  })

  it("is not needed for most prompts", () => {
    expect(["a cat", "\\{a\\}", "a_b __ c", "(x:1.2)"].map(isDynamic)).toEqual([false, false, false, false])
    expect(["{a}", "a __b__ c"].map(isDynamic)).toEqual([true, true])
  })
})
