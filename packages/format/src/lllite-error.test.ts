import { describe, expect, it, vi } from "vitest"
import { FormatError } from "./errors.ts"
import { LlliteError } from "./lllite-error.ts"

class OtherError extends LlliteError {
  static override readonly kind = "OtherError"
}

class OwnError extends FormatError {}

describe("instanceof", () => {
  it("holds for the errors of another copy of the package, and for their base", async () => {
    vi.resetModules()
    const copy = await import("./errors.ts")
    const error = new copy.FormatError("metadata", "not text")
    expect(copy.FormatError).not.toBe(FormatError)
    expect(error instanceof FormatError).toBe(true)
    expect(error instanceof LlliteError).toBe(true)
    expect(new FormatError("metadata", "not text") instanceof copy.FormatError).toBe(true)
    expect(error instanceof OtherError).toBe(false)
  })

  const data = [{ constructor: null }, { constructor: { kind: "FormatError" } }, { constructor: () => {} }]
  it.each([
    null,
    undefined,
    "FormatError",
    { name: "FormatError" },
    new Error("FormatError"),
    Object.create(null),
    ...data,
  ])("does not hold for %j", (value) => {
    expect(value instanceof FormatError).toBe(false)
    expect(value instanceof LlliteError).toBe(false)
  })

  it("does not hold for a class of someone else that its errors do not come from", () => {
    expect(new OwnError("metadata", "own") instanceof OwnError).toBe(true)
    expect(new OwnError("metadata", "own") instanceof FormatError).toBe(true)
    expect(new FormatError("metadata", "not own") instanceof OwnError).toBe(false)
  })
})

describe("the message of an error", () => {
  it("has no control characters and no secrets, and its source as a label neither", () => {
    const source = "https://me:pa55@a.b/c?sig=1"
    const { message } = new FormatError("metadata", "a\u001b[2J of https://x:y@z/", { source })
    expect(message).toBe('"https://***@a.b/c?***": a\\u001b[2J of https://***@z/')
  })
})
