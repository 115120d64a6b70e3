import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cutBatches, idleNotices } from "./generate-run.ts"

describe("cutBatches", () => {
  it("cuts after the batch size, and where the number of chunks changes", () => {
    expect(cutBatches([1, 1, 1, 1, 1], 2)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ])
    expect(cutBatches([1, 1, 2, 2, 1], 4)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ])
  })

  it("takes every request once, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 })), fc.integer({ min: 1, max: 5 }), (chunks, size) => {
        const taken = cutBatches(chunks, size).flatMap(([from, to]) =>
          Array.from({ length: to - from }, (_, i) => from + i),
        )
        expect(taken).toEqual(chunks.map((_, i) => i))
      }),
    )
  })
})

it("says that a scale of the negative prompt has no effect without guidance", () => {
  const requests = [{ prompt: "a star" }]
  expect(idleNotices(requests, { guidanceScale: 1, negativeScale: 2 })).toHaveLength(1)
  const first = { scale: 0.5, sampling: { guidanceScale: 5 } }
  for (const options of [
    { guidanceScale: 1 },
    { guidanceScale: 1, negativeScale: null },
    { negativeScale: 2 },
    { guidanceScale: 1, negativeScale: 2, hires: first },
  ])
    expect(idleNotices(requests, options)).toEqual([])
})

it("says that start pictures have no part in what is added to the noise of the start", () => {
  const requests = [{ prompt: "a star" }]
  const startNoise = { offset: { probability: 1, range: [0, 0.1] } } as const
  const start = { image: { width: 1, height: 1, data: new Uint8Array(3) } }
  expect(idleNotices(requests, { start, startNoise })).toHaveLength(1)
  for (const options of [{ start }, { startNoise }, { start: null, startNoise }, { start, startNoise: null }])
    expect(idleNotices(requests, options)).toEqual([])
})

it("says that a window of guidance has no effect on composed prompts", () => {
  const [one, composed] = [[{ prompt: "a star" }], [{ prompt: "a star" }, { prompt: "a star AND a ring" }]]
  const guidanceWindow = { start: 0, end: 0.8 }
  expect(idleNotices(composed, { guidanceWindow })).toHaveLength(1)
  for (const [requests, options] of [
    [one, { guidanceWindow }],
    [composed, {}],
    [composed, { guidanceWindow: { start: 0, end: 1 } }],
    [composed, { guidanceWindow, prompts: { syntax: "plain" } }],
  ] as const) {
    expect(idleNotices(requests, options)).toEqual([])
  }
})
