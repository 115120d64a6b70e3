import { describe, expect, expectTypeOf, it } from "vitest"
import type { OptionReader, OptionTable, Settings } from "./index.ts"
import {
  choice,
  flag,
  ignored,
  integer,
  joinLayers,
  number,
  numbers,
  pixels,
  readLayer,
  refused,
  steps,
  text,
  texts,
} from "./index.ts"

const table = {
  text: text({ help: "" }),
  prompt: text({ help: "", canBeEmpty: true, aliases: ["p"] }),
  name: text({ help: "", default: "last" }),
  integer: integer({ help: "", min: 0, max: 9, nothing: [0] }),
  even: integer({ help: "", default: 2, min: 2, multipleOf: 2 }),
  some_number: number({ help: "", above: 0 }),
  flag: flag({ help: "" }),
  texts: texts({ help: "" }),
  numbers: numbers({ help: "", min: 0, max: 1 }),
  steps: steps({ help: "" }),
  pixels: pixels({ help: "" }),
  sampler: choice(["euler", "ddim", "heun"], { help: "", default: "euler" }),
  any_case: choice(["AdamW"], { help: "", ignoreCase: true, because: "it is the only one" }),
  xformers: ignored("attention is computed in one way", { nothing: [1] }),
  accumulation: refused("a step has one batch", { nothing: [0, 1], instead: "Use a larger batch." }),
} satisfies OptionTable

const reader = (...sources: Record<string, unknown>[]): OptionReader<typeof table> =>
  joinLayers(table, {
    title: "here",
    layers: sources.map((source, i) => readLayer(table, { where: `${i}`, entries: Object.entries(source) })),
    refuse: (message) => new Error(message),
  })
const read = (...sources: Record<string, unknown>[]): Settings<typeof table> => reader(...sources).finish()

describe("options", () => {
  it("have the types that the table says", () => {
    expectTypeOf<Settings<typeof table>["someNumber"]>().toEqualTypeOf<number | undefined>()
    expectTypeOf<Settings<typeof table>["even"]>().toEqualTypeOf<number>()
    expectTypeOf<Settings<typeof table>["sampler"]>().toEqualTypeOf<"euler" | "ddim" | "heun">()
    expectTypeOf<Settings<typeof table>>().not.toHaveProperty("xformers")
  })

  it("have defaults", () => {
    expect(read({})).toEqual({
      text: undefined,
      prompt: undefined,
      name: "last",
      integer: undefined,
      even: 2,
      someNumber: undefined,
      flag: false,
      texts: [],
      numbers: [],
      steps: undefined,
      pixels: undefined,
      sampler: "euler",
      anyCase: undefined,
    })
  })

  it("read the same from a command line and from TOML", () => {
    const line = { integer: "4", some_number: "1e-4", flag: true, texts: ["a"], numbers: ["1", ".5"], steps: "10%" }
    const toml = { integer: 4, "some-number": 0.0001, flag: "true", texts: "a", numbers: [1, 0.5], steps: 0.1 }
    expect(read(line)).toEqual(read(toml))
    expect(read({ pixels: [768, 512], steps: 100, any_case: "adamw" })).toMatchObject({
      pixels: [768, 512],
      steps: { steps: 100 },
      anyCase: "AdamW",
    })
    expect(read({ pixels: "768,512" }).pixels).toEqual([768, 512])
    expect(read({ pixels: "640" }).pixels).toEqual([640, 640])
  })

  it("take the first value of all places, and skip values that mean the option is left out", () => {
    expect(read({ name: "a" }, { name: "b", integer: 3 })).toMatchObject({ name: "a", integer: 3 })
    expect(read({ name: "", integer: "0", flag: false }, { name: "b", integer: 3, flag: true })).toMatchObject({
      name: "last",
      integer: undefined,
      flag: false,
    })
    expect(read({ prompt: "" }, { prompt: "b" }).prompt).toBe("")
    const nothing = { xformers: 1, accumulation: "1", texts: [], sampler: "", steps: 0 }
    expect(reader(nothing).notes).toEqual([])
    expect(reader(nothing).isGiven("steps")).toBe(false)
  })

  it("take another source where the sources before say nothing", () => {
    const before = reader({ name: "a", integer: "0" })
    const defaults = {
      where: "preset",
      entries: [
        ["name", "b"],
        ["integer", 3],
        ["sampler", "heun"],
      ] as const,
    }
    const joined = before.withDefaults(defaults)
    expect(joined.finish()).toEqual({ ...before.settings, sampler: "heun" })
    expect([joined.whereOf("sampler"), joined.isGiven("sampler"), before.isGiven("sampler")]).toEqual([
      "preset",
      true,
      false,
    ])
    expect(joined.whereOf("integer")).toBeNull()
    const wrong = before.withDefaults({ where: "preset", entries: [["sampler", "x"]] })
    expect(() => wrong.finish()).toThrow('preset: sampler is "x", expected one of euler, ddim, heun')
  })

  it("note options without effect, as they were written", () => {
    expect(reader({ xformers: true }).notes).toEqual(["xformers has no effect: attention is computed in one way."])
  })

  it.each([
    [{ integer: "4.5" }, "0: integer is 4.5, expected a whole number from 0 to 9"],
    [{ integer: "" }, '0: integer is "", expected a whole number from 0 to 9'],
    [{ integer: "10" }, "0: integer is 10, expected a whole number from 0 to 9"],
    [{ some_number: "fast" }, '0: some_number is "fast", expected a number above 0'],
    [{ some_number: "0x10" }, '0: some_number is "0x10", expected a number above 0'],
    [{ some_number: Number.POSITIVE_INFINITY }, "0: some_number is Infinity, expected a number above 0"],
    [{ even: 5 }, "0: even is 5, expected a multiple of 2. The nearest is 6"],
    [{ flag: "yes" }, '0: flag is "yes", expected true or false'],
    [{ numbers: ["1", "x"] }, '0: numbers has "x", expected a number from 0 to 1'],
    [{ numbers: ["y", "1", 2] }, /numbers has "y", expected .*\n.*numbers has 2, expected a number from 0 to 1/],
    [{ texts: [true] }, "0: texts has true, expected a text, or a list of texts"],
    [{ text: true }, "0: text is true, expected text"],
    [{ steps: "1.5" }, '0: steps is 1.5, expected a number of steps, a share of them such as 0.1, or "10%"'],
    [{ steps: "101%" }, '0: steps is "101%", expected a number of steps, a share of them such as 0.1, or "10%"'],
    [{ pixels: 16385 }, "0: pixels is 16385, expected sides of at most 16384 pixels"],
    [{ pixels: "64,1e9" }, '0: pixels is "64,1e9", expected sides of at most 16384 pixels'],
    [
      { pixels: "1,2,3" },
      '0: pixels is "1,2,3", expected pixels such as 1024, or a width and a height such as 768,512',
    ],
    [{ sampler: "eulr" }, '0: sampler is "eulr", expected one of euler, ddim, heun. Did you mean euler?'],
    [{ any_case: "Lion" }, '0: any_case is "Lion", expected "AdamW": it is the only one'],
    [{ accumulation: 4 }, "0: accumulation is not supported: a step has one batch. Use a larger batch."],
    [{ prompt: "a", p: "b" }, "0: prompt and p mean the same. Keep one of them."],
    [{ smapler: "euler" }, "0: there is no option smapler. Did you mean sampler?"],
    [{ toString: 1 }, "0: there is no option toString."],
    [{ constructor: 1 }, "0: there is no option constructor."],
    [{ ["__proto__"]: 1 }, "0: there is no option __proto__."],
  ])("refuse %j", (value, message) => {
    expect(() => read(value)).toThrow(message)
  })

  it("advise the one that counts where an ignored one is as near", () => {
    const batches = {
      train_batch_size: integer({ help: "", min: 1 }),
      vae_batch_size: ignored("pictures are encoded one at a time"),
    } satisfies OptionTable
    const layer = readLayer(batches, { where: "here", entries: [["batch_size", 4]] })
    expect(layer.problems).toEqual([
      { where: "here", text: "there is no option batch_size. Did you mean train_batch_size?" },
    ])
  })

  it("report all problems together, and check options that depend on each other only when each is right", () => {
    const broken = reader({ integer: "x", even: 4 }, { sampler: "eulr" })
    broken.check(["integer", "even"], () => "never said")
    broken.check(["even"], () => `${broken.nameOf("even")} is odd`)
    expect(() => broken.finish()).toThrow(
      [
        "here: 3 problems:",
        '  - 0: integer is "x", expected a whole number from 0 to 9',
        "  - 0: even is odd",
        '  - 1: sampler is "eulr", expected one of euler, ddim, heun. Did you mean euler?',
      ].join("\n"),
    )
  })
})
