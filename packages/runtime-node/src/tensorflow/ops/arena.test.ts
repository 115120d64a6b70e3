import { beforeAll, describe, expect, it, vi } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import { findTensorflow } from "../installation.ts"
import { createArena } from "./arena.ts"
import type { TensorflowDevice } from "./device.ts"
import { openDevice } from "./device.ts"

/** A device that uses memory as it lies at one address in eight, and knows nothing else. */
const pickyDevice = (start: number | null): TensorflowDevice => ({
  adopts: ({ byteOffset }) => byteOffset === start,
  run: () => Promise.reject(new Error("not asked for")) as never,
  hold: () => Promise.reject(new Error("not asked for")) as never,
  upload: () => Promise.reject(new Error("not asked for")) as never,
})

describe("createArena", () => {
  it.each([0, 48, 56])("hands out memory where the device uses it as it lies (%i bytes on)", (start) => {
    const arena = createArena(pickyDevice(start))
    const taken = [100, 1, 64, 20 * 2 ** 20, 5].map((length) => arena.take(length))
    expect(taken.map(({ byteLength }) => byteLength)).toEqual([100, 1, 64, 20 * 2 ** 20, 5])
    expect(taken.map(({ byteOffset }) => (byteOffset - start) % 64)).toEqual([0, 0, 0, 0, 0])
  })

  it("gives nobody what somebody else has", () => {
    const arena = createArena(pickyDevice(null))
    const taken = Array.from({ length: 120 }, (_, i) => arena.take(150_000 + i).fill(i % 251))
    expect(taken.every((bytes, i) => bytes.indexOf(i % 251) === 0 && new Set(bytes).size === 1)).toBe(true)
  })

  it("lends one piece again and again, and lets go of it when nobody asks", () => {
    vi.useFakeTimers()
    try {
      const arena = createArena(pickyDevice(0))
      const [first, second] = [arena.borrow(1000), arena.borrow(10)]
      expect(second.buffer).toBe(first.buffer)
      vi.advanceTimersByTime(999)
      expect(arena.borrow(10).buffer).toBe(first.buffer)
      vi.advanceTimersByTime(1000)
      expect(arena.borrow(10).buffer).not.toBe(first.buffer)
    } finally {
      vi.useRealTimers()
    }
  })

  describe("on TensorFlow", needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null), () => {
    beforeAll(async () => {
      await startBackend("tensorflow")
    })

    it("gives memory that TensorFlow uses as it lies", () => {
      const device = openDevice()
      const bytes = createArena(device).take(64)
      expect(device.adopts(new Float32Array(bytes.buffer, bytes.byteOffset, 16))).toBe(true)
      expect(device.adopts(new Float32Array(bytes.buffer, bytes.byteOffset + 4, 4))).toBe(false)
    })
  })
})
