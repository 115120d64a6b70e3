import { describe, expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { createBatchOrder } from "./batches.ts"

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

  it("refuses an empty batch", () => {
    expect(() => createBatchOrder(squares(2), 0, createStream(1, "order"))).toThrow(
      "batchSize is 0, expected a whole number from 1 to 4096",
    )
  })
})
