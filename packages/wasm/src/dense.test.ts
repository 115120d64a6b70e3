import { createComposedOps, type Ops } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { beforeAll, describe, expect, it } from "vitest"
import { createWasmOps } from "./wasm-ops.ts"

const drawn = (shape: [number, number, number], seed: number): tf.Tensor3D =>
  tf.randomNormal(shape, 0, 1, "float32", seed)

describe("the slopes of layers side by side", () => {
  let ops: Required<Pick<Ops, "denseStack" | "denseStackSlopes" | "relu">>
  beforeAll(async () => {
    await tf.setBackend("wasm")
    ops = (await createWasmOps(createComposedOps())) as typeof ops
  })

  it.each([
    ["each with an x of its own", 3],
    ["with one x for all", 1],
  ])("are those of the tape, %s", (_, inputs) => {
    const [h, dy] = [drawn([inputs, 150, 6], 1), drawn([3, 150, 13], 2)]
    const layers = { weight: drawn([3, 6, 13], 3), bias: tf.randomNormal<tf.Rank.R1>([39], 0, 1, "float32", 4) }
    const expected = tf.grads((h, weight, bias) =>
      ops.denseStack(ops.relu(h as tf.Tensor) as tf.Tensor3D, { weight, bias } as typeof layers),
    )([h, layers.weight, layers.bias], dy)
    const options = { inputGradient: true, isRectified: true }
    const slopes = ops.denseStackSlopes(ops.relu(h) as tf.Tensor3D, layers, dy, options)
    expect(slopes.map((slope) => slope.arraySync())).toEqual(expected.map((slope) => slope.arraySync()))
    expect(ops.denseStackSlopes(h, layers, dy, { inputGradient: false })).toHaveLength(2)
  })

  it("are refused for a slope of another shape", () => {
    const layers = { weight: drawn([2, 4, 8], 3), bias: tf.zeros<tf.Rank.R1>([16]) }
    expect(() => ops.denseStackSlopes(drawn([1, 5, 4], 1), layers, drawn([1, 5, 8], 2))).toThrow(
      /the slope is \[1, 5, 8\], expected \[2, 5, 8\]/,
    )
  })
})
