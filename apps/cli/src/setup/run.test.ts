import { describe, expect, it } from "vitest"
import { readSetupSettings } from "./run.ts"

describe("readSetupSettings", () => {
  it("reads what there is", () => {
    expect(readSetupSettings("tensorflow", { gpu: true, python: "/py", wheel_dir: "wheels" })).toEqual({
      target: "tensorflow",
      gpu: true,
      remove: false,
      python: "/py",
      wheelDir: "wheels",
    })
  })

  it.each([
    ["pytorch", {}, /"pytorch" is not known, expected one of tensorflow/],
    ["tensorflow", { remove: true, gpu: true }, /--remove takes no other option/],
  ])("refuses %s with %j", (target, options, message) => {
    expect(() => readSetupSettings(target, options)).toThrow(message)
  })
})
