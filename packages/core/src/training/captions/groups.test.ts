import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createPythonRandom } from "../../random/python.ts"
import { chooseOptions, chooseOptionsAsSdScripts } from "./groups.ts"

const first = { choice: <T>(list: readonly T[]): T => list[0] as T }
const last = { choice: <T>(list: readonly T[]): T => list.at(-1) as T }

describe("groups of a caption", () => {
  it("become one of their options", () => {
    expect(chooseOptions("1girl, {red|blue} dress, {a|b}", first)).toBe("1girl, red dress, a")
    expect(chooseOptions("1girl, {red|blue} dress, {a|b}", last)).toBe("1girl, blue dress, b")
    expect(chooseOptions("{x} {|y}", last)).toBe("x y")
  })

  it("stand in groups", () => {
    expect(chooseOptions("a {b|{c|d} e}", last)).toBe("a d e")
    expect(chooseOptions("{a|{b|{c|d}}}!", last)).toBe("d!")
    expect(chooseOptions("{{b|c}|a}", first)).toBe("b")
    expect(chooseOptions("{{b|c}|a}", last)).toBe("a")
  })

  it("are not chosen inside of an option that is not chosen", () => {
    let draws = 0
    const counted = { choice: <T>(list: readonly T[]): T => list[draws++ * 0] as T }
    chooseOptions("{a|{b|c}} {d|e}", counted)
    expect(draws).toBe(2)
  })

  it("are text where their braces are escaped or have no partner", () => {
    expect(chooseOptions("{{literal}} {{a|b}}", first)).toBe("{literal} {a|b}")
    expect(chooseOptions("\\{a|b\\} {\\}|c}", first)).toBe("{a|b} }")
    expect(chooseOptions("{a|b} :{ }", last)).toBe("b :{ }".replace("{ }", " "))
    expect(chooseOptions("smile :} {a|b", first)).toBe("smile :} {a|b")
    expect(chooseOptions("{} {{ or }}", first)).toBe("{} {or}".replace("{or}", "{ or }"))
    expect(chooseOptions("{{{a|b}}}", last)).toBe("{b}")
  })

  it("choose as sd-scripts does where no group stands in another", () => {
    const word = fc.stringMatching(/^[a-z ⦅]{0,6}$/)
    const group = fc.array(word, { minLength: 1, maxLength: 4 }).map((options) => options.join("|"))
    const piece = fc.oneof(
      word,
      group.filter((inside) => inside !== "").map((inside) => `{${inside}}`),
      word.map((inside) => `{{${inside}}}`),
    )
    fc.assert(
      fc.property(fc.array(piece), fc.nat(), (pieces, seed) => {
        const text = pieces.join(", ")
        const [ours, theirs] = [createPythonRandom(seed), createPythonRandom(seed)]
        expect(chooseOptions(text, ours)).toBe(chooseOptionsAsSdScripts(text, theirs))
        expect(ours.random()).toBe(theirs.random())
      }),
    )
  })

  it("take any text in a moment, and no text makes them fail", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("{", "}", "|", "\\", "a")), fc.nat(), (signs, seed) => {
        expect(typeof chooseOptions(signs.join(""), createPythonRandom(seed))).toBe("string")
      }),
    )
    const deep = `${"{a|".repeat(20_000)}b${"}".repeat(20_000)}`
    expect(chooseOptions(deep, last).length).toBeGreaterThan(0)
    expect(chooseOptions("{".repeat(50_000), first)).toBe("{".repeat(25_000))
    expect(chooseOptionsAsSdScripts(deep, last).length).toBeGreaterThan(0)
  })

  it("break in groups as in sd-scripts, if asked", () => {
    expect(chooseOptionsAsSdScripts("a {b|{c|d}} {x} {|y} {}", last)).toBe("a d} {x y {}")
  })
})
