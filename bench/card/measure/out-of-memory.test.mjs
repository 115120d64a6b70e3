import { afterEach, describe, expect, it } from "vitest"
import { watchMemory } from "./out-of-memory.mjs"

class OutOfMemory extends Error {}
const report = (device, error) => device.dispatchEvent(Object.assign(new Event("uncapturederror"), { error }))

describe("a device's memory", () => {
  const { GPUOutOfMemoryError } = globalThis
  afterEach(() => {
    globalThis.GPUOutOfMemoryError = GPUOutOfMemoryError
  })

  it("is recognised by the device's error, and not by other errors", () => {
    globalThis.GPUOutOfMemoryError = OutOfMemory
    const device = new EventTarget()
    const memory = watchMemory(device)
    report(device, new Error("a validation error"))
    expect(memory.ranOut(new Error("refused"))).toBe(false)
    report(device, new OutOfMemory("Buffer allocation is too large"))
    expect(memory.ranOut(new Error("refused"))).toBe(true)
  })

  it("is recognised by the names that drivers use", () => {
    const { ranOut } = watchMemory(new EventTarget())
    expect(ranOut(new Error("vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY"))).toBe(true)
    expect(ranOut(new Error("the device refused a command: Out of memory."))).toBe(true)
    expect(ranOut(new Error("the loss is NaN"))).toBe(false)
  })
})
