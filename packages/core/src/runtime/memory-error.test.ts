import { describe, expect, it } from "vitest"
import { CoreError } from "../errors.ts"
import { memoryError } from "./memory-error.ts"

describe("memoryError", () => {
  it("knows what this engine says of arrays that are too large", () => {
    const attempts = [() => new Float32Array(2 ** 53), () => new ArrayBuffer(2 ** 53 - 1), () => new Uint8Array(-1)]
    for (const attempt of attempts) {
      let error: unknown
      try {
        attempt()
      } catch (caught) {
        error = caught
      }
      expect(memoryError(error)).toMatchObject({ name: "CoreError", code: "no-room", cause: error })
    }
  })

  it.each([
    new WebAssembly.RuntimeError("memory access out of bounds"),
    new WebAssembly.RuntimeError("Aborted(Cannot enlarge memory arrays to size 4294967296 bytes)"),
    new RangeError("WebAssembly.Memory(): could not allocate memory"),
    new RangeError("Array buffer allocation failed"),
  ])("knows what WebAssembly says, in words that a user knows: %s", (error) => {
    expect(memoryError(error)?.message).toBe(
      "there is not enough memory for an array. Choose smaller or fewer pictures at once, or another backend.",
    )
  })

  it("knows what TensorFlow says, and keeps its shape", () => {
    const error = new Error("OOM when allocating tensor with shape[2,4096,4096] and type float")
    expect(memoryError(error)?.message).toMatch(
      /^there is not enough memory for a tensor of shape\[2,4096,4096\]\. Choose smaller or fewer pictures/,
    )
  })

  it.each([
    new RangeError("Maximum call stack size exceeded"),
    new TypeError("x is undefined"),
    new CoreError("no-room", "its weights take 14 GiB, out of memory"),
    "Array buffer allocation failed",
  ])("leaves other errors alone: %s", (error) => {
    expect(memoryError(error)).toBeNull()
  })
})
