import { describe, expect, it } from "vitest"
import { describeError, InterruptedError, UsageError } from "./errors.ts"

describe("describeError", () => {
  it("gives the sentence of an error about the input, alone", () => {
    expect(describeError(new UsageError("options", "no prompt is given"), {})).toBe("lllite: no prompt is given")
    expect(describeError(new InterruptedError("stopped after 3 steps"), {})).toBe("lllite: stopped after 3 steps")
  })

  it("knows an error from a worker thread by its name", () => {
    const error = Object.assign(new Error("it is a LoRA"), { name: "FormatError" })
    expect(describeError(error, {})).toBe("lllite: it is a LoRA")
  })

  it("adds the command's advice to errors that have a code", () => {
    const room = Object.assign(new Error("its weights take 14 GiB."), { name: "CoreError", code: "no-room" })
    expect(describeError(room, {})).toMatch(/^lllite: its weights take 14 GiB\. --weights F16 rounds/)
    const message = "expected an SDXL checkpoint, this is a VAE. Give a checkpoint, and this file as its VAE."
    const kind = Object.assign(new Error(message), { name: "FormatError", code: "wrong-kind" })
    expect(describeError(kind, {})).toBe(`lllite: ${message} The option is --vae.`)
    const blind = Object.assign(new Error("a checkpoint without a VAE."), {
      name: "CoreError",
      code: "checkpoint-no-vae",
    })
    expect(describeError(blind, {})).toBe("lllite: a checkpoint without a VAE. The option is --vae PATH.")
  })

  it("asks to report every other error, and shows the stack only with LLLITE_DEBUG=1", () => {
    const error = new TypeError("x is undefined")
    expect(describeError(error, {})).toBe(
      "lllite: unexpected error: x is undefined. To see where, set LLLITE_DEBUG=1 and run it again. Please report it.",
    )
    expect(describeError(error, {})).not.toContain("    at ")
    expect(describeError(error, { LLLITE_DEBUG: "1" })).toContain("    at ")
  })
})
