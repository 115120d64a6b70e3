import { createComposedOps } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { expect, it } from "vitest"
import { createWasmOps } from "./wasm-ops.ts"

/** The smallest normal number of float32. */
const SMALLEST = 2 ** -126

it("attention gives no subnormal slopes where one key has all of the attention", async () => {
  await tf.setBackend("wasm")
  const ops = await createWasmOps(createComposedOps())
  const [q, k, v] = [[1], [0, -80], [1, 3]].map((values) => tf.tensor3d(values, [1, values.length, 1]))
  // The second key's probability is e^-80, or 2e-35. Times this slope it would be subnormal.
  const dy = tf.fill([1, 1, 1], 1e-6)
  const slopes = tf.grads((q, k, v) =>
    ops.attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, { heads: 1, causal: false }),
  )([q, k, v] as tf.Tensor3D[], dy)
  const values = (await Promise.all(slopes.map((slope) => slope.data()))).flatMap((list) => [...list])
  expect(values.filter((value) => value !== 0 && Math.abs(value) < SMALLEST)).toEqual([])
  expect(Math.max(...values)).toBeCloseTo(1e-6, 12)
})
