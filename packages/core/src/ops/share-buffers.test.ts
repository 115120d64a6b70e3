import { expect, it } from "vitest"
import { createStream } from "../random/index.ts"
import { shareBuffers, type TensorLife } from "./share-buffers.ts"

const life = (bytes: number, from: number, until: number): TensorLife => ({ bytes, from, until })

it("gives a buffer to tensors one after another, and to a smaller one as well", () => {
  const { places, buffers } = shareBuffers([life(4, 0, 2), life(10, 1, 3), life(6, 2, 5), life(9, 3, 4)])
  // The tensors of 10 and of 9 bytes share a buffer, and those of 6 and of 4.
  expect(buffers).toEqual([10, 6])
  expect(places).toEqual([1, 0, 1, 0])
})

it("takes buffers that are there, the smallest that is large enough", () => {
  const { places, buffers } = shareBuffers([life(5, 0, 2), life(7, 1, 3)], [20, 6])
  expect(buffers).toEqual([20, 6])
  expect(places).toEqual([1, 0])
  expect(shareBuffers([life(30, 0, 1)], [20]).buffers).toEqual([20, 30])
})

it("never gives two tensors one buffer at the same time, or one that is too small", () => {
  const random = createStream(1, "lives").uniform(900)
  const tensors = Array.from({ length: 300 }, (_, i) => {
    const [bytes = 0, from = 0, long = 0] = random.slice(3 * i, 3 * i + 3)
    return life(1 + Math.floor(1000 * bytes), Math.floor(200 * from), Math.floor(200 * from) + Math.floor(12 * long))
  })
  const { places, buffers } = shareBuffers(tensors)
  for (const [i, one] of tensors.entries()) {
    expect(buffers[places[i] ?? -1]).toBeGreaterThanOrEqual(one.bytes)
    for (const [j, other] of tensors.slice(0, i).entries()) {
      if (places[j] === places[i]) expect(one.until <= other.from || other.until <= one.from).toBe(true)
    }
  }
  const inUse = (at: number): number =>
    tensors.reduce((sum, { bytes, from, until }) => sum + (from <= at && at < until ? bytes : 0), 0)
  const least = Math.max(...Array.from({ length: 212 }, (_, at) => inUse(at)))
  const taken = buffers.reduce((sum, bytes) => sum + bytes, 0)
  expect(taken).toBeGreaterThanOrEqual(least)
  expect(taken).toBeLessThan(1.3 * least)
})
