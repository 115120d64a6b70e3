import { describe, expect, it } from "vitest"
import { FormatError, show } from "./errors.ts"

describe("FormatError", () => {
  it("gives the place before the problem, and keeps both as fields", () => {
    const cause = new Error("below")
    const error = new FormatError("metadata", "not text", { source: "a.safetensors", tensor: "t", offset: 12, cause })
    expect(error.message).toBe('"a.safetensors", tensor "t", byte 12: not text')
    expect(error).toMatchObject({
      name: "FormatError",
      code: "metadata",
      source: "a.safetensors",
      tensor: "t",
      offset: 12,
    })
    expect(error.cause).toBe(cause)
    expect(error).toBeInstanceOf(Error)
  })

  it("gives only the problem without a place", () => {
    const error = new FormatError("layout", "too narrow")
    expect(error.message).toBe("too narrow")
    expect(error).toMatchObject({ source: undefined, tensor: undefined, offset: undefined })
    expect("cause" in error).toBe(false)
  })
})

describe("show", () => {
  it("escapes what would break a line or a terminal", () => {
    expect(show('a"b\n\u001b[31m')).toBe('"a\\"b\\n\\u001b[31m"')
  })

  it("cuts long text", () => {
    expect(show("x".repeat(121))).toBe(`"${"x".repeat(120)}…"`)
    expect(show("x".repeat(120))).toBe(`"${"x".repeat(120)}"`)
  })
})
