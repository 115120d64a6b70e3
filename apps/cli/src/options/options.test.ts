import { describe, expect, it } from "vitest"
import type { OptionSpec } from "./options.ts"
import { normaliseArgv, readValues } from "./options.ts"

const specs = (["text", "integer", "number", "flag", "texts", "numbers", "steps"] as const).map(
  (kind): OptionSpec => ({ name: kind, kind, help: "" }),
)
const read = (given: Record<string, unknown>) => readValues(specs, given, "here")

describe("normaliseArgv", () => {
  it("makes underscores of the dashes in names, and of nothing else", () => {
    const argv = ["train", "--network-dim", "4", "--save-model_as=a-b=c-d", "-h", "a--b", "--", "--x-y"]
    expect(normaliseArgv(argv)).toEqual([
      "train",
      "--network_dim",
      "4",
      "--save_model_as=a-b=c-d",
      "-h",
      "a--b",
      "--",
      "--x-y",
    ])
  })
})

describe("readValues", () => {
  it("reads the same from a command line and from TOML", () => {
    const line = { integer: "4", number: "1e-4", flag: true, texts: ["a"], numbers: ["1", "0.5"], steps: "10%" }
    const toml = { integer: 4, number: 0.0001, flag: true, texts: "a", numbers: [1, 0.5], steps: 0.1 }
    expect(read(line)).toEqual(read(toml))
    expect(read({ text: [768, 512], steps: 100 })).toEqual({ text: "768,512", steps: { steps: 100 } })
  })

  it.each([
    [{ integer: "4.5" }, /here: integer is "4\.5", expected a whole number/],
    [{ integer: "" }, /expected a whole number/],
    [{ number: "fast" }, /expected a number/],
    [{ flag: "yes" }, /expected true or false/],
    [{ numbers: ["1", "x"] }, /expected a number/],
    [{ texts: [1] }, /expected text/],
    [{ text: true }, /expected text/],
    [{ steps: "1.5" }, /expected a number of steps/],
    [{ steps: "101%" }, /expected a number of steps/],
  ])("refuses %j", (given, message) => {
    expect(() => read(given)).toThrow(message)
  })

  it("names the choices there are", () => {
    const spec: OptionSpec = { name: "sampler", kind: "text", help: "", choices: ["euler", "ddim"] }
    expect(() => readValues([spec], { sampler: "eule" }, "here")).toThrow(/expected one of euler, ddim/)
  })
})
