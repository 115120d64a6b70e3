import { describe, expect, it } from "vitest"
import { checkArgument, checkOptions, type OptionKinds, valueText } from "./argument.ts"
import { CoreError } from "./errors.ts"

interface Options {
  readonly steps?: number
  readonly mask?: object | null
  readonly signal?: AbortSignal
  readonly path: string
}

const KINDS: OptionKinds<Options> = {
  steps: "a number",
  mask: "an object or null",
  signal: "an AbortSignal",
  path: "text",
}

describe("checkOptions", () => {
  const check = (options: unknown): void => checkOptions("draw", options, KINDS, ["path"])

  it("takes options of their kinds, and those that are undefined as left out", () => {
    check({ path: "a", steps: 2, mask: null, signal: new AbortController().signal })
    check({ path: "a", steps: undefined, unknown: undefined })
  })

  it.each([
    [null, "draw: the argument is null, expected an object"],
    [Promise.resolve({}), "draw: the argument is a promise that was not awaited, expected an object"],
    [[], "draw: the argument is a list, expected an object"],
    [{ path: "a", step: 20 }, 'draw: there is no option "step". Did you mean "steps"?'],
    [{ path: "a", toString: 1 }, 'draw: there is no option "toString".'],
    [{ path: "a", steps: "20" }, 'draw: steps is the text "20", expected a number'],
    [{ path: "a", steps: null }, "draw: steps is null, expected a number"],
    [{ path: "a", signal: {} }, "draw: signal is another object, expected an AbortSignal"],
    [{}, "draw: path is missing, expected text"],
    [{ path: 7 }, "draw: path is 7, expected text"],
  ])("refuses %o", (options, message) => {
    expect(() => check(options)).toThrow(CoreError)
    expect(() => check(options)).toThrow(message)
  })
})

describe("checkArgument", () => {
  it("says that an argument is missing, or what came instead", () => {
    expect(() => checkArgument("load: the file", undefined, "text")).toThrow("load: the file is missing, expected text")
    expect(() => checkArgument("load: the file", () => {}, "text")).toThrow("load: the file is a function")
    checkArgument("load: the file", null, "text or null")
  })
})

it("names values of every type, and cuts long texts", () => {
  const named = [undefined, null, 7n, Number.NaN, true, [1], Object.create(null), Symbol("x"), "x".repeat(200)]
  expect(named.map(valueText)).toEqual([
    ...["undefined", "null", "7", "NaN", "true", "a list", "another object", "Symbol(x)"],
    `the text "${"x".repeat(120)}…"`,
  ])
})
