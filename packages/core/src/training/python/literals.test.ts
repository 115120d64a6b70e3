import { describe, expect, it } from "vitest"
import { pythonName, pythonText, readLiteral, splitArguments } from "./literals.ts"

describe("arguments in a text", () => {
  it("are split at the next name, and keep their spaces", () => {
    expect(splitArguments(["T_max=10 eta_min = 1e-6", "betas=0.9, 0.99", "  "])).toEqual([
      { part: "T_max=10", name: "T_max", text: "10" },
      { part: "eta_min = 1e-6", name: "eta_min", text: " 1e-6" },
      { part: "betas=0.9, 0.99", name: "betas", text: "0.9, 0.99" },
    ])
  })

  it.each(["--gamma=3", "gamma", "=3", "a-b=3"])("%j has no name", (part) => {
    expect(splitArguments([part])).toEqual([{ part, name: "", text: "" }])
  })

  it("may have lines and signs in their values", () => {
    expect(splitArguments(["rule=1:2,\n3"])).toEqual([{ part: "rule=1:2,\n3", name: "rule", text: "1:2,\n3" }])
    expect(splitArguments(["step_rules='a==b'"])).toEqual([
      { part: "step_rules='a==b'", name: "step_rules", text: "'a==b'" },
    ])
  })
})

describe("a value as Python's literal_eval reads it", () => {
  it.each([
    ["3", 3],
    [" -2.5 ", -2.5],
    ["+1", 1],
    [".5", 0.5],
    ["5.", 5],
    ["1_000", 1000],
    ["1e-6", 1e-6],
    ["2E+3", 2000],
    ["True", true],
    [" False", false],
    ["None", null],
    ["'cos'", "cos"],
    [' "a b" ', "a b"],
    ["''", ""],
    ["(0.9, 0.999)", [0.9, 0.999]],
    ["[1,2,3]", [1, 2, 3]],
    ["(1,)", [1]],
    ["0.9, 0.99", [0.9, 0.99]],
    ["[5]", [5]],
    ["[True, None]", [true, null]],
  ])("%j is %j", (text, value) => {
    expect(readLiteral(text)).toEqual(value)
  })

  it.each([
    "cos",
    "1 2",
    "1e",
    "e5",
    "--1",
    "0x10",
    "'a\"",
    "true",
    "toString",
    "",
    "(1",
    "1)",
    "(1, x)",
    "1,,2",
    "1.2.3",
    "5%",
  ])("%j is none", (text) => {
    expect(readLiteral(text)).toBeUndefined()
  })
})

it("writes values and names as Python does", () => {
  expect([null, true, false, 0.5, "cos"].map(pythonText)).toEqual(["None", "True", "False", "0.5", "cos"])
  expect(["weightDecay", "eps", "aBC"].map(pythonName)).toEqual(["weight_decay", "eps", "a_b_c"])
})
