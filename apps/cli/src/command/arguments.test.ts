import type { OptionTable } from "@lllite/runtime-node/options"
import { flag, ignored, integer, numbers, text, texts } from "@lllite/runtime-node/options"
import { describe, expect, it } from "vitest"
import { parseArguments } from "./arguments.ts"

const table = {
  prompt: text({ help: "", aliases: ["p"] }),
  network_dim: integer({ help: "", min: 1 }),
  set: texts({ help: "", arity: "each" }),
  files: texts({ help: "" }),
  ratios: numbers({ help: "", min: -1 }),
  json: flag({ help: "" }),
  xformers: ignored("it is not"),
} satisfies OptionTable
const parse = (...argv: string[]) => parseArguments(table, argv, "test")

describe("parseArguments", () => {
  it("keeps names as they were written", () => {
    const { entries } = parse("--network-dim", "4", "--json", "--p=x")
    expect(entries).toEqual([
      ["--network-dim", "4"],
      ["--json", true],
      ["--p", "x"],
    ])
  })

  it.each([
    [["--prompt", "--a-b and --c-d"], "--a-b and --c-d"],
    [["--prompt", "--no-such-option"], "--no-such-option"],
    [["--prompt", "-1"], "-1"],
    [["--prompt=--network-dim"], "--network-dim"],
    [["--prompt=a-b=c-d"], "a-b=c-d"],
    [["--prompt="], ""],
  ])("takes a value as it is: %j", (argv, value) => {
    expect(parse(...argv)).toMatchObject({ entries: [["--prompt", value]], positionals: [], problems: [] })
  })

  it("takes the last value of an option that appears twice, and says so once", () => {
    const { entries, notes, problems } = parse(
      "--prompt",
      "a",
      "--prompt=b",
      "--prompt",
      "c",
      "--json",
      "--json",
      "--set",
      "x",
      "--set",
      "y",
    )
    expect(entries).toEqual([
      ["--prompt", "c"],
      ["--json", true],
      ["--set", ["x", "y"]],
    ])
    expect(notes).toEqual(["--prompt appears twice or more. The last value is used."])
    expect(problems).toEqual([])
  })

  it("reports a missing value before another option", () => {
    const { entries, problems, broken } = parse("--prompt", "--network-dim", "4")
    expect(entries).toEqual([["--network-dim", "4"]])
    expect(broken).toEqual(["prompt"])
    expect(problems[0]?.text).toMatch(
      /^--prompt has no value.*--network-dim is an option\. To use it as the value, type --prompt=--network-dim/,
    )
  })

  it("takes lists up to the next option, and one value at a time where an option may be given again", () => {
    const { entries, positionals } = parse(
      "--files",
      "a",
      "-b",
      "--set",
      "x",
      "c",
      "--set",
      "y",
      "--ratios",
      "-0.5",
      "1",
    )
    expect(entries).toEqual([
      ["--files", ["a", "-b"]],
      ["--set", ["x", "y"]],
      ["--ratios", ["-0.5", "1"]],
    ])
    expect(positionals).toEqual(["c"])
  })

  it("takes everything after a lone -- as positionals", () => {
    expect(parse("a", "--", "--json", "-x").positionals).toEqual(["a", "--json", "-x"])
  })

  it("passes on unknown names, and those that every object has", () => {
    const { entries, hasUnknown } = parse("--constructor", "--__proto__=1", "-seed")
    expect(entries.map(([written]) => written)).toEqual(["--constructor", "--__proto__", "-seed"])
    expect(hasUnknown).toBe(true)
  })

  it("takes any number of values for an option without effect", () => {
    expect(parse("--xformers", "--json").entries[0]).toEqual(["--xformers", true])
    expect(parse("--xformers", "a", "b").entries[0]).toEqual(["--xformers", ["a", "b"]])
  })

  it("notices that help is asked for", () => {
    expect(parse("--json", "-h").help).toBe("taken")
    expect(parse("--help", "all").help).toBe("all")
    expect(parse("--prompt", "-h").help).toBeNull()
  })
})
