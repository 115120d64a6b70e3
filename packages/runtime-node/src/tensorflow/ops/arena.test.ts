import { beforeAll, describe, expect, it, vi } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import { findTensorflow } from "../installation.ts"
import { createArena } from "./arena.ts"
import type { TensorflowDevice } from "./device.ts"
import { openDevice } from "./device.ts"

/** A device that uses memory in place at one address in eight. It has no ops. */
const pickyDevice = (start: number | null): TensorflowDevice => ({
  adopts: ({ byteOffset }) => byteOffset === start,
  run: () => Promise.reject(new Error("not part of this test")) as never,
  runNode: () => Promise.reject(new Error("not part of this test")) as never,
  codes: { TF_ATTR_TYPE: 0, TF_ATTR_BOOL: 0, TF_ATTR_INT: 0 },
  hold: () => Promise.reject(new Error("not part of this test")) as never,
  upload: () => Promise.reject(new Error("not part of this test")) as never,
})

describe("createArena", () => {
  it.each([0, 48, 56])("gives memory at an address that the device uses in place (%i bytes on)", (start) => {
    const arena = createArena(pickyDevice(start))
    const taken = [100, 1, 64, 20 * 2 ** 20, 5].map((length) => arena.take(length))
    expect(taken.map(({ byteLength }) => byteLength)).toEqual([100, 1, 64, 20 * 2 ** 20, 5])
    expect(taken.map(({ byteOffset }) => (byteOffset - start) % 64)).toEqual([0, 0, 0, 0, 0])
  })

  it("gives every caller separate memory", () => {
    const arena = createArena(pickyDevice(null))
    const taken = Array.from({ length: 120 }, (_, i) => arena.take(150_000 + i).fill(i % 251))
    expect(taken.every((bytes, i) => bytes.indexOf(i % 251) === 0 && new Set(bytes).size === 1)).toBe(true)
  })

  it("gives the same scratch memory to every call, and frees it after a while without calls", () => {
    vi.useFakeTimers()
    try {
      const arena = createArena(pickyDevice(0))
      const [first, second] = [arena.scratch(1000), arena.scratch(10)]
      expect(second.buffer).toBe(first.buffer)
      vi.advanceTimersByTime(999)
      expect(arena.scratch(10).buffer).toBe(first.buffer)
      vi.advanceTimersByTime(1000)
      expect(arena.scratch(10).buffer).not.toBe(first.buffer)
    } finally {
      vi.useRealTimers()
    }
  })

  describe("on TensorFlow", needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null), () => {
    beforeAll(async () => {
      await startBackend("tensorflow")
    })

    it("gives memory that TensorFlow uses in place", () => {
      const device = openDevice()
      const bytes = createArena(device).take(64)
      expect(device.adopts(new Float32Array(bytes.buffer, bytes.byteOffset, 16))).toBe(true)
      expect(device.adopts(new Float32Array(bytes.buffer, bytes.byteOffset + 4, 4))).toBe(false)
    })
  })
})
