import { createComposedOps } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { describe, expect, it } from "vitest"
import { createWasmOps } from "./wasm-ops.ts"

/** Values of a result on a backend. */
async function on(backend: string, run: () => tf.Tensor[]): Promise<unknown> {
  await tf.setBackend(backend)
  if (backend === "wasm") await createWasmOps(createComposedOps())
  return tf.tidy(() =>
    run().map((tensor) => ({ dtype: tensor.dtype, shape: tensor.shape, values: tensor.arraySync() })),
  )
}

const counted = (shape: number[], dtype: "float32" | "int32" = "float32"): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => i + 1),
    shape,
    dtype,
  )

describe("joins, cuts and repeats on WASM are those of TensorFlow.js", () => {
  it.each<readonly [name: string, run: () => tf.Tensor[]]>([
    ["a cut of the last axis", () => [tf.slice(counted([2, 3, 8]), [0, 0, 4], [2, 3, 4])]],
    ["a cut of a middle axis, to the end", () => [tf.slice(counted([2, 5, 3]), [0, 2, 0], [-1, -1, -1])]],
    ["a cut of the first axis", () => [tf.slice(counted([7], "int32"), [2], [3])]],
    ["a cut of two axes", () => [tf.slice(counted([4, 5, 3]), [1, 2, 0], [2, 2, 3])]],
    ["a cut of nothing", () => [tf.slice(counted([2, 3]), [0, 0], [2, 3])]],
    ["a cut without values", () => [tf.slice(counted([2, 3]), [0, 1], [2, 0])]],
    ["a cut of truth values", () => [tf.slice(tf.tensor([true, false, true, true], [2, 2], "bool"), [0, 1], [2, 1])]],
    ["wide rows", () => [tf.slice(counted([2, 900]), [0, 300], [2, 400])]],
    ["equal parts", () => tf.split(counted([2, 6]), 3, 1)],
    ["parts of a first axis", () => tf.split(counted([6, 2], "int32"), [1, 2, 3])],
    ["a join of the last axis", () => [tf.concat([counted([2, 2, 3]), counted([2, 2, 4])], -1)]],
    ["a join of the first axis", () => [tf.concat([counted([3]), counted([1]), counted([2])])]],
    ["repeats of the first axis", () => [tf.tile(counted([2, 3, 2]), [3, 1, 1])]],
    ["repeats of a middle axis", () => [tf.tile(counted([2, 3, 2], "int32"), [1, 2, 1])]],
    ["repeats of two axes", () => [tf.tile(counted([2, 3]), [2, 2])]],
    ["repeats of truth values", () => [tf.tile(tf.tensor([true, false], [2, 1], "bool"), [2, 1])]],
    ["one repeat, and none", () => [tf.tile(counted([2, 3]), [1, 1]), tf.tile(counted([2, 3]), [0, 1])]],
    ["a join with nothing", () => [tf.concat([counted([2, 3]), tf.zeros([2, 0])], 1)]],
  ])("%s", async (_, run) => {
    expect(await on("wasm", run)).toEqual(await on("cpu", run))
  })

  it("and so are their slopes", async () => {
    const run = (): tf.Tensor[] =>
      tf.grads((x, y) => {
        const [a, b] = tf.split(tf.concat([x as tf.Tensor, y as tf.Tensor], 1), [3, 2], 1) as [tf.Tensor, tf.Tensor]
        return tf.add(tf.sum(tf.square(a)), tf.sum(tf.mul(b, 3)))
      })([counted([2, 2]), counted([2, 3])])
    expect(await on("wasm", run)).toEqual(await on("cpu", run))
  })
})
