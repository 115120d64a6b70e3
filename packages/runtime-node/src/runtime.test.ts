import { describe, expect, it } from "vitest"
import { createNodeRuntime } from "./runtime.ts"

describe("createNodeRuntime", () => {
  // As many threads would end the process.
  it.each([0, -1, 1.5, Number.NaN, 257, 1e9])("refuses %s threads before it starts one", async (threads) => {
    await expect(createNodeRuntime({ threads })).rejects.toThrow(
      expect.objectContaining({
        code: "option-range",
        message: `runtime: threads is ${threads}, expected a whole number from 1 to 256.`,
      }),
    )
  })

  it.each([
    [{ backend: "constructor" }, 'backend is "constructor", expected one of webgpu, tensorflow, wasm, cpu.'],
    [{ backend: null }, "backend is null, expected one of webgpu, tensorflow, wasm, cpu."],
    [{ precision: "toString" }, 'precision is "toString", expected one of F32, F16, BF16.'],
    [{ weights: "F8" }, 'weights is "F8", expected one of file, F32, F16, BF16.'],
  ])("refuses a name that is not one of an option: %j", async (options, message) => {
    const untyped = options as unknown as Parameters<typeof createNodeRuntime>[0]
    await expect(createNodeRuntime(untyped)).rejects.toThrow(
      expect.objectContaining({ code: "option-unknown", message: `runtime: ${message}` }),
    )
  })
})
