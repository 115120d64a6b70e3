import { FormatError } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { errorText } from "./errors.ts"

describe("errorText", () => {
  it("keeps what LLLite says, without the folder, and says nothing of other errors", () => {
    const ours = new FormatError("argument", "/data/a/b.safetensors: expected another")
    expect(errorText(ours, { root: "/data/a" })).toEqual({
      code: "argument",
      message: "b.safetensors: expected another",
    })
    expect(errorText(new Error("secret"), { log: "the worker w" })).toEqual({
      code: "unexpected",
      message: "the work failed for a reason that the log of the worker w has.",
    })
  })

  it("refuses options of another kind", () => {
    for (const options of [null, 7, { root: 7 }, { folder: "" }]) {
      expect(() => errorText(new Error("x"), options as never)).toThrow(expect.objectContaining({ name: "CoreError" }))
    }
  })
})
