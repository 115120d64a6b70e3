import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import { blurGrid, resizeGrid } from "./resize-grid.ts"

/* Numbers are those of PyTorch 2.5.1: `interpolate`, and a `conv2d` with torchvision's kernel over mirrored sides. */

const SMALL = [
  [3, -1, 4],
  [1, -5, 9],
]
const LARGE = [
  [3, -1, 4, 1],
  [-5, 9, 2, -6],
  [5, 3, -5, 8],
]

/** Two pictures of two channels: the given one, and its multiples by 2, -1 and 3. → [2, H, W, 2] */
const pictures = (rows: readonly (readonly number[])[]): Tensor4D => {
  const [first, second] = [
    [1, 2],
    [-1, 3],
  ].map((factors) => rows.map((row) => row.map((value) => factors.map((factor) => factor * value))))
  return tf.tensor4d([first, second] as number[][][][])
}

function expectPictures(x: Tensor4D, height: number, width: number, expected: readonly number[]): void {
  expect(x.shape).toEqual([2, height, width, 2])
  const values = x.dataSync()
  for (const [picture, factors] of [
    [0, [1, 2]],
    [1, [-1, 3]],
  ] as const) {
    for (const [i, value] of expected.entries()) {
      for (const [channel, factor] of factors.entries()) {
        expect(values[2 * (picture * expected.length + i) + channel]).toBeCloseTo(factor * value, 3)
      }
    }
  }
}

beforeAll(async () => {
  await startWasm()
})

describe("a grid of another size", () => {
  it.each([
    [
      "bicubic",
      4,
      5,
      undefined,
      [
        3.574689, 1.449124, -0.578125, 1.628143, 3.861533, 2.974375, 0.312249, -1.90625, 2.081033, 5.808564, 1.985625,
        -1.560251, -4.09375, 2.826971, 9.015441, 1.385312, -2.697126, -5.421875, 3.279862, 10.962474,
      ],
    ],
    [
      "bilinear",
      4,
      5,
      undefined,
      [3, 1.4, -1, 2, 4, 2.5, 0.7, -2, 2.35, 5.25, 1.5, -0.7, -4, 3.05, 7.75, 1, -1.4, -5, 3.4, 9],
    ],
    ["bicubic", 1, 2, undefined, [0.533203, 4.171875]],
    ["bilinear", 1, 2, undefined, [0.75, 4.125]],
    ["bicubic", 2, 4, 1 / 1.4, [3.459911, 0.477651, 0.027082, 3.606412, 2.245859, -2.227074, -1.18793, 6.900875]],
  ] as const)("is PyTorch's (%s, %d × %d)", (kernel, height, width, scale, expected) => {
    const x = pictures(SMALL)
    expectPictures(resizeGrid(x, { height, width }, kernel, scale), height, width, expected)
    expectPictures(x, 2, 3, SMALL.flat())
  })

  it("of the same size is a copy, also where one side changes alone", () => {
    const x = pictures(SMALL)
    const same = resizeGrid(x, { height: 2, width: 3 }, "bicubic")
    expectPictures(same, 2, 3, SMALL.flat())
    same.dispose()
    expect(x.isDisposed).toBe(false)
    expect(resizeGrid(x, { height: 2, width: 4 }, "bilinear").shape).toEqual([2, 2, 4, 2])
    expect(resizeGrid(x, { height: 3, width: 3 }, "bilinear").shape).toEqual([2, 3, 3, 2])
  })

  it("keeps one tensor", () => {
    const x = pictures(SMALL)
    const before = tf.memory().numTensors
    resizeGrid(x, { height: 5, width: 2 }, "bicubic").dispose()
    blurGrid(x, 3, 1).dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("a Gaussian blur", () => {
  it.each([
    [
      3,
      0.5,
      [
        1.260581, 1.408078, 2.880728, 0.374819, -0.872053, 5.569709, 1.531114, -2.649116, 3.169832, 3.29873, -1.77138,
        3.201497,
      ],
    ],
    [
      5,
      1.5,
      [
        2.310008, 1.990448, 1.286824, 1.363052, 2.428133, 2.045854, 1.222602, 1.333311, 2.325264, 2.03469, 1.240268,
        1.3005,
      ],
    ],
  ])("is torchvision's, with mirrored sides (kernel %d, sigma %d)", (size, sigma, expected) => {
    expectPictures(blurGrid(pictures(LARGE), size, sigma), 3, 4, expected)
  })

  it("leaves one pixel and an even picture alone", () => {
    expectPictures(blurGrid(pictures([[3]]), 5, 2), 1, 1, [3])
    expectPictures(blurGrid(pictures([[2, 2, 2]]), 7, 1), 1, 3, [2, 2, 2])
  })
})
