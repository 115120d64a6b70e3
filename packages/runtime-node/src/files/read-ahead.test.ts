import { expect, it, vi } from "vitest"
import type { ReadableHandle } from "./read-ahead.ts"
import { createReadAhead } from "./read-ahead.ts"

/** A file that records which of its bytes were read. */
function watched(size: number): { readonly handle: ReadableHandle; readonly read: [start: number, end: number][] } {
  const read: [number, number][] = []
  const handle: ReadableHandle = {
    read: async (target, offset, length, position) => {
      expect(offset + length).toBeLessThanOrEqual(target.byteLength)
      await new Promise((resolve) => setImmediate(resolve))
      const bytesRead = Math.max(0, Math.min(length, size - position))
      read.push([position, position + bytesRead])
      return { bytesRead }
    },
  }
  return { handle, read }
}

const options = { window: 20, piece: 8 }

it("reads the following bytes once each, and none beyond the window or the file", async () => {
  const { handle, read } = watched(100)
  const ahead = createReadAhead(handle, 100, options)
  ahead.after(10)
  await vi.waitFor(() => expect(read.at(-1)).toEqual([26, 30]))
  ahead.after(15)
  await vi.waitFor(() => expect(read.at(-1)).toEqual([30, 35]))
  expect(read).toEqual([
    [10, 18],
    [18, 26],
    [26, 30],
    [30, 35],
  ])
  ahead.after(95)
  await vi.waitFor(() => expect(read.at(-1)).toEqual([95, 100]))
  ahead.after(100)
  await ahead.stop()
  expect(read).toHaveLength(5)
})

it("starts again at the new place when a request jumps", async () => {
  const { handle, read } = watched(1000)
  const ahead = createReadAhead(handle, 1000, options)
  for (const end of [500, 100, 700]) {
    ahead.after(end)
    await vi.waitFor(() => expect(read.at(-1)?.[1]).toBe(end + 20))
    expect(read.at(-3)?.[0]).toBe(end)
  }
  await ahead.stop()
})

it("stops in the middle", async () => {
  const { handle, read } = watched(1e9)
  const ahead = createReadAhead(handle, 1e9, { window: 1e9, piece: 1 })
  ahead.after(0)
  await vi.waitFor(() => expect(read.length).toBeGreaterThan(3))
  await ahead.stop()
  const { length } = read
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(read.length).toBe(length)
  expect(length).toBeLessThan(1e9)
})

it("leaves errors to the request for the bytes", async () => {
  const ahead = createReadAhead({ read: () => Promise.reject(new Error("broken disk")) }, 100, options)
  ahead.after(10)
  await expect(ahead.stop()).resolves.toBeUndefined()
})
