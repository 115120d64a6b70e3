import { describe, expect, it } from "vitest"
import { describeError, exitCodeOf, InterruptedError, UsageError } from "./errors.ts"

describe("describeError", () => {
  it("gives the sentence of an error about the input, alone", () => {
    expect(describeError(new UsageError("options", "no prompt is given"), {})).toBe("lllite: no prompt is given")
    expect(describeError(new InterruptedError("stopped after 3 steps"), {})).toBe("lllite: stopped after 3 steps")
  })

  it("knows an error from a worker thread by its name", () => {
    const error = Object.assign(new Error("it is a LoRA"), { name: "FormatError" })
    expect(describeError(error, {})).toBe("lllite: it is a LoRA")
  })

  it("takes the loss of a rank for no fault of the program", () => {
    const lost = Object.assign(new Error("ranks: rank 1 was lost."), { name: "RanksError", code: "rank-lost" })
    expect(describeError(lost, {})).toBe("lllite: ranks: rank 1 was lost.")
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

  it.each([
    [
      "no WebGPU adapter",
      Object.assign(new Error("this machine offers no WebGPU adapter."), { name: "WebgpuOpsError" }),
    ],
    ["a device that is lost", Object.assign(new Error("the device is lost."), { name: "WebgpuDeviceError" })],
    ["a refusal of the system", Object.assign(new Error("ELOOP: x, open 'a'"), { code: "ELOOP", path: "a" })],
    ["a limit of open files", Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" })],
    ["a full memory", new RangeError("Invalid typed array length: 4000000000000")],
    ["a full memory of WebAssembly", new WebAssembly.RuntimeError("memory access out of bounds")],
  ])("says %s in a sentence, and does not ask to report it", (_, error) => {
    const text = describeError(error, {})
    expect(text).not.toMatch(/unexpected|report|ELOOP|EMFILE/)
    expect(text).toMatch(/^lllite: .{10,}\S$/)
  })

  it("shows no secret and no control character, also of an unexpected error", () => {
    const error = new TypeError("cannot parse https://me:hunter2@a.b/c?sig=SECRET\u001b[2J of hf_AbCdEfGhIjKl")
    for (const environment of [{}, { LLLITE_DEBUG: "1" }]) {
      expect(describeError(error, environment)).not.toMatch(/hunter2|SECRET|\p{Cc}\[|AbCdEfGh/u)
    }
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

describe("exitCodeOf", () => {
  it("asks for another try when a rank is lost, also where the run could be saved", () => {
    // As they come from a worker, without their classes.
    const lost = Object.assign(new Error("rank 1 was lost."), { name: "RanksError", code: "rank-lost" })
    const failed = Object.assign(new Error("step 3 could not be computed.", { cause: lost }), { code: "step-failed" })
    expect(exitCodeOf(lost)).toBe(75)
    expect(exitCodeOf(new Error("It is saved.", { cause: failed }))).toBe(75)
    const token = Object.assign(new Error("no token."), { name: "RanksError", code: "token-missing" })
    expect([token, new Error("x", { cause: token }), "text"].map(exitCodeOf)).toEqual([1, 1, 1])
  })
})
