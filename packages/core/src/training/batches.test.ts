import { describe, expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { batchesOfStep, createBatchOrder, largestBatch, stepsPerEpoch } from "./batches.ts"

const squares = (count: number) => Array.from({ length: count }, () => ({ width: 64, height: 64 }))

describe("the order of batches", () => {
  it("takes every example once in an epoch", () => {
    const batchOf = createBatchOrder(squares(10), 4, createStream(1, "order"))
    const epoch = [0, 1, 2].flatMap((step) => [...batchOf(step)])
    expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it("shuffles every epoch anew", () => {
    const batchOf = createBatchOrder(squares(64), 64, createStream(1, "order"))
    expect(batchOf(0)).not.toEqual(batchOf(1))
  })

  it("draws from a buffer, through which shuffled blocks pass", () => {
    const reading = { blocks: [0, 100, 200, 300], buffer: 20 }
    const batchOf = createBatchOrder(squares(400), 4, createStream(1, "order"), reading)
    const order = Array.from({ length: 100 }, (_, step) => [...batchOf(step)]).flat()
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i))
    const blocks = [...new Set(order.map((index) => Math.floor(index / 100)))]
    expect(blocks).not.toEqual([0, 1, 2, 3])
    // The example at a place is one of those that were read until then, and all but the buffer's have left.
    const place = new Map(
      blocks.flatMap((block, i) => Array.from({ length: 100 }, (_, j) => [100 * block + j, 100 * i + j])),
    )
    const places = order.map((index) => place.get(index) as number)
    expect(places.every((read, left) => read < left + 20)).toBe(true)
    expect(places).not.toEqual(places.toSorted((a, b) => a - b))
    expect(batchOf(100)).not.toEqual(batchOf(0))
    const anywhere = createBatchOrder(squares(400), 4, createStream(1, "order"), reading)
    for (const step of [150, 3, 99]) expect(anywhere(step)).toEqual(batchOf(step))
    const inOrder = createBatchOrder(squares(4), 4, createStream(1, "order"), { blocks: [0], buffer: 1 })
    expect(inOrder(0)).toEqual([0, 1, 2, 3])
  })

  it("keeps sizes apart with a buffer, too, and has as many batches", () => {
    const sizes = Array.from({ length: 31 }, (_, i) => ({ width: i % 3 === 0 ? 64 : 96, height: 64 }))
    const batchOf = createBatchOrder(sizes, 4, createStream(1, "order"), { blocks: [0, 7], buffer: 5 })
    const batches = Array.from({ length: stepsPerEpoch(sizes, 4) }, (_, step) => batchOf(step))
    expect(batches.flat().toSorted((a, b) => a - b)).toEqual(sizes.map((_, i) => i))
    for (const batch of batches) expect(new Set(batch.map((index) => sizes[index]?.width)).size).toBe(1)
  })

  it("gives a step's batch without the steps before", () => {
    const forward = createBatchOrder(squares(10), 3, createStream(7, "order"))
    const inOrder = Array.from({ length: 12 }, (_, step) => forward(step))
    const anywhere = createBatchOrder(squares(10), 3, createStream(7, "order"))
    for (const step of [11, 0, 5, 4, 9]) expect(anywhere(step)).toEqual(inOrder[step])
  })

  it("never mixes sizes in a batch", () => {
    const examples = Array.from({ length: 9 }, (_, i) => ({ width: i % 3 === 0 ? 96 : 64, height: 64 }))
    const batchOf = createBatchOrder(examples, 4, createStream(3, "order"))
    for (let step = 0; step < 6; step++) {
      expect(new Set(batchOf(step).map((index) => examples[index]?.width)).size).toBe(1)
    }
  })

  it("gives examples with batches of their own size no others", () => {
    const examples = Array.from({ length: 10 }, (_, i) => ({
      width: 64,
      height: 64,
      ...(i < 4 ? { batchSize: 2 } : {}),
    }))
    const batchOf = createBatchOrder(examples, 3, createStream(3, "order"))
    const batches = [0, 1, 2, 3].map(batchOf)
    const ofTwo = batches.filter((batch) => batch.every((index) => index < 4)).map(({ length }) => length)
    const ofThree = batches.filter((batch) => batch.every((index) => index >= 4)).map(({ length }) => length)
    expect([ofTwo, ofThree]).toEqual([
      [2, 2],
      [3, 3],
    ])
    expect(stepsPerEpoch(examples, 3)).toBe(4)
    expect(largestBatch(examples, 3)).toBe(3)
    expect(largestBatch(examples, 100)).toBe(6)
    const wrong = [{ width: 64, height: 64, batchSize: 0 }]
    expect(() => createBatchOrder(wrong, 1, createStream(3, "order"))).toThrow("batchSize is 0")
  })

  it("never mixes sides that have one width, or one height, or each other's", () => {
    const sides = [
      [64, 96],
      [64, 64],
      [96, 64],
    ] as const
    const examples = Array.from({ length: 12 }, (_, i) => {
      const [width, height] = sides[i % 3] ?? [0, 0]
      return { width, height }
    })
    const batchOf = createBatchOrder(examples, 4, createStream(3, "order"))
    const batches = [0, 1, 2].map((step) => new Set(batchOf(step).map((index) => index % 3)))
    expect(batches.map(({ size }) => size)).toEqual([1, 1, 1])
    expect(new Set(batches.flatMap((sizes) => [...sizes])).size).toBe(3)
  })

  it("shuffles the batches of every epoch, and each size in its own order", () => {
    // Two sizes of 8 examples, and batches of one, so that an epoch is an order of 16 examples.
    const examples = Array.from({ length: 16 }, (_, i) => ({ width: i < 8 ? 64 : 96, height: 64 }))
    const batchOf = createBatchOrder(examples, 8, createStream(3, "order"))
    const epochs = Array.from({ length: 16 }, (_, epoch) => [batchOf(2 * epoch), batchOf(2 * epoch + 1)])
    const firstSizes = epochs.map(([first = []]) => (first[0] ?? 0) < 8)
    expect(new Set(firstSizes).size).toBe(2)
    for (const batches of epochs) {
      const [small, large] = batches.toSorted((a, b) => Math.min(...a) - Math.min(...b))
      expect(large?.map((index) => index - 8)).not.toEqual(small)
    }
  })

  it("takes the epochs of several sizes one after another, with short batches last of their size", () => {
    const examples = Array.from({ length: 7 }, (_, i) => ({ width: i < 5 ? 64 : 96, height: 64 }))
    const batchOf = createBatchOrder(examples, 2, createStream(5, "order"))
    for (const epoch of [0, 1, 2]) {
      const batches = [0, 1, 2, 3].map((step) => batchOf(4 * epoch + step))
      expect(batches.map(({ length }) => length).toSorted()).toEqual([1, 2, 2, 2])
      expect(batches.flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6])
    }
  })

  it("counts an epoch's steps size by size, short batches included", () => {
    const examples = [...squares(3), { width: 128, height: 32 }]
    expect(stepsPerEpoch(examples, 2)).toBe(3)
    expect([1, 2, 3, 4].map((accumulation) => stepsPerEpoch(examples, 2, accumulation))).toEqual([3, 2, 1, 1])
  })

  it("gives a step some batches, and never those of two epochs", () => {
    const steps = (accumulation: number) => [0, 1, 2, 3, 4].map((step) => batchesOfStep(step, 5, accumulation))
    expect(steps(1)).toEqual([[0], [1], [2], [3], [4]])
    expect(steps(2)).toEqual([[0, 1], [2, 3], [4], [5, 6], [7, 8]])
    expect(steps(9).slice(0, 2)).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ])
  })

  it("refuses an empty batch", () => {
    expect(() => createBatchOrder(squares(2), 0, createStream(1, "order"))).toThrow(
      "training: batchSize is 0, expected a whole number from 1 to 4096",
    )
  })
})
