import type { LinearWeight, Ops, WeightEntry } from "@lllite/core/ops"
import { createComposedOps } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { checkOps } from "@lllite/core/testing"
import { type FloatDtype, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import { findTensorflow } from "../installation.ts"
import { attentionInChunks } from "./attention.ts"
import { createConv2d } from "./conv2d.ts"
import { openDevice } from "./device.ts"
import { createTensorflowOps } from "./index.ts"
import { createMultiply } from "./multiply.ts"

const normal = (name: string, shape: readonly number[]): Float32Array =>
  createStream(3, name).normal(shape.reduce((product, size) => product * size, 1))
const entry = (dtype: FloatDtype, shape: readonly number[], values: Float32Array): WeightEntry => ({
  name: "w",
  dtype,
  shape,
  read: async () => fromFloat32(values, dtype),
})
const relativeError = (got: Tensor, expected: Tensor): number =>
  tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(got, expected))), tf.max(tf.abs(expected))).dataSync()[0] as number)

// These tests need `lllite setup tensorflow`. CI calls it first.
describe(
  "ops on TensorFlow",
  needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null),
  () => {
    beforeAll(async () => {
      await startBackend("tensorflow")
    })

    it("keep the contract of every op", async () => {
      const results = await checkOps(createTensorflowOps())
      expect(results.filter(({ ok }) => !ok)).toEqual([])
      expect(results.length).toBeGreaterThan(150)
    })

    it.each(["F16", "BF16"] as const)(
      "hold %s weights in 16 bits, and compute with just the file's values",
      async (dtype) => {
        const [values, filter] = [normal("matrix", [24, 16]), normal("filter", [8, 16, 3, 3])]
        const load = async ({ load }: Ops, type: FloatDtype) => {
          // The same values in every type of the file.
          const as = (values: Float32Array) => (type === "F32" ? toFloat32(fromFloat32(values, dtype), dtype) : values)
          return {
            linear: await load.linear(entry(type, [24, 16], as(values)), null),
            conv: await load.conv2d(entry(type, [8, 16, 3, 3], as(filter)), null),
            table: await load.table(entry(type, [24, 16], as(values))),
          }
        }
        const ops = createTensorflowOps()
        const composed = createComposedOps()
        const before = tf.memory().numTensors
        const ours = await load(ops, dtype)
        const theirs = await load(composed, "F32")
        expect(ours.linear.bytes).toBe(2 * values.length)
        expect(ours.conv.bytes).toBe(2 * filter.length)
        expect(ours.table.bytes).toBe(2 * values.length)
        tf.tidy(() => {
          const x = tf.tensor4d(normal("x", [1, 5, 6, 16]), [1, 5, 6, 16])
          const both = (run: (ops: Ops, weights: typeof ours, x: Tensor4D) => Tensor): void => {
            const [a, b] = [
              (x: Tensor) => run(ops, ours, x as Tensor4D),
              (x: Tensor) => run(composed, theirs, x as Tensor4D),
            ]
            expect(relativeError(a(x), b(x))).toBeLessThan(1e-5)
            expect(relativeError(tf.grad(a)(x), tf.grad(b)(x))).toBeLessThan(1e-5)
          }
          both((ops, { linear }, x) => ops.linear(x, linear))
          both((ops, { conv }, x) => ops.conv2d(x, conv, { stride: 1, padding: [1, 1, 1, 1] }))
          both((ops, { conv }, x) => ops.conv2d(x, conv, { stride: 2, padding: [0, 1, 0, 1] }))
          expect(relativeError(ops.lookUp(ours.table, [[3, 23]]), composed.lookUp(theirs.table, [[3, 23]]))).toBe(0)
        })
        for (const weight of [...Object.values(ours), ...Object.values(theirs)]) weight.dispose()
        expect(tf.memory().numTensors).toBe(before)
      },
    )

    it("read a file's weights into their final memory", async () => {
      const ops = createTensorflowOps()
      const buffers = new Set<ArrayBufferLike>()
      const streamed = (name: string, shape: readonly number[], dtype: FloatDtype): WeightEntry => {
        const whole = entry(dtype, shape, normal(name, shape))
        return {
          ...whole,
          read: () => Promise.reject(new Error("read returned a new array, expected readInto")),
          readInto: async (target) => {
            buffers.add(target.buffer)
            target.set(await whole.read())
          },
        }
      }
      const names = ["a", "b", "c"] as const
      // All start at the same time and must run one after another. The largest comes first.
      const loaded = await Promise.all(
        names.map((name, i) => ops.load.linear(streamed(name, [64 - i, 32], i === 1 ? "F32" : "BF16"), null)),
      )
      expect(buffers.size).toBe(1)
      const composed = createComposedOps()
      for (const [i, name] of names.entries()) {
        const theirs = await composed.load.linear(
          entry(i === 1 ? "F32" : "BF16", [64 - i, 32], normal(name, [64 - i, 32])),
          null,
        )
        tf.tidy(() => {
          const x = tf.tensor2d(normal("x", [3, 32]), [3, 32])
          expect(relativeError(ops.linear(x, loaded[i] as LinearWeight), composed.linear(x, theirs))).toBeLessThan(1e-5)
        })
        theirs.dispose()
        loaded[i]?.dispose()
      }
    })

    it("round float32 weights with the option, and refuse values that float16 cannot hold", async () => {
      const values = normal("matrix", [4, 3])
      const ops = createTensorflowOps({ weights: "F16" })
      const weight = await ops.load.linear(entry("F32", [4, 3], values), null)
      expect(weight.bytes).toBe(2 * values.length)
      const rows = tf.tidy(() => tf.transpose(ops.linear(tf.eye(3), weight)).dataSync<"float32">())
      expect([...rows]).toEqual([...toFloat32(fromFloat32(values, "F16"), "F16")])
      weight.dispose()
      values[5] = 1e6
      await expect(ops.load.linear(entry("F32", [4, 3], values), null)).rejects.toThrow(
        '"w" has a value of 1000000, expected at most 65504 for F16. Choose the weights "BF16".',
      )
    })

    it.each(["F16", "BF16"] as const)(
      "hold a file's %s in float32 with the option, with the same values",
      async (dtype) => {
        const loaded = await Promise.all(
          (["file", "F32"] as const).map((weights) => {
            const { load } = createTensorflowOps({ weights })
            return load.linear(entry(dtype, [40, 64], normal("matrix", [40, 64])), null)
          }),
        )
        expect(loaded.map(({ bytes }) => bytes)).toEqual([2 * 40 * 64, 4 * 40 * 64])
        const { linear } = createTensorflowOps()
        const [narrow, wide] = tf.tidy(() => loaded.map((weight) => linear(tf.eye(64), weight).dataSync()))
        expect(wide).toEqual(narrow)
        for (const weight of loaded) weight.dispose()
      },
    )

    it("round many at the same time without mixing their values", async () => {
      const ops = createTensorflowOps({ weights: "BF16" })
      const names = ["a", "b", "c", "d", "e"]
      const values = names.map((name) => normal(name, [16, 16]))
      const weights = await Promise.all(values.map((each) => ops.load.linear(entry("F32", [16, 16], each), null)))
      for (const [i, weight] of weights.entries()) {
        const rows = tf.tidy(() => tf.transpose(ops.linear(tf.eye(16), weight)).dataSync<"float32">())
        expect([...rows]).toEqual([...toFloat32(fromFloat32(values[i] as Float32Array, "BF16"), "BF16")])
        weight.dispose()
      }
    })

    it("compute in bfloat16 with the option", async () => {
      const [ops, exact] = [createTensorflowOps({ compute: "BF16" }), createTensorflowOps()]
      const weight = await ops.load.linear(entry("F16", [40, 64], normal("matrix", [40, 64])), null)
      tf.tidy(() => {
        const x = tf.tensor(normal("x", [7, 64]), [7, 64])
        const [half, full] = [(x: Tensor) => ops.linear(x, weight), (x: Tensor) => exact.linear(x, weight)]
        for (const error of [relativeError(half(x), full(x)), relativeError(tf.grad(half)(x), tf.grad(full)(x))]) {
          expect(error).toBeGreaterThan(1e-5)
          expect(error).toBeLessThan(1e-2)
        }
      })
      weight.dispose()
    })

    it("convolve by products with windows as TensorFlow does, also one row at a time", async () => {
      const device = openDevice()
      const always = { forward: () => true, backward: () => true }
      const never = { forward: () => false, backward: () => false }
      const filter = await createTensorflowOps().load.conv2d(
        entry("F16", [5, 4, 3, 2], normal("filter", [5, 4, 3, 2])),
        entry("F32", [5], normal("bias", [5])),
      )
      for (const [compute, tolerance] of [
        ["F32", 1e-5],
        ["BF16", 1e-2],
      ] as const) {
        const multiply = createMultiply(device, compute)
        const native = createConv2d(device, multiply, compute, { rule: never })
        tf.tidy(() => {
          const x = tf.tensor4d(normal("x", [2, 6, 7, 4]), [2, 6, 7, 4])
          for (const padding of [
            [1, 1, 1, 0],
            [0, 2, 1, 1],
            [0, 0, 0, 0],
          ] as const) {
            for (const most of [2 ** 23, 1]) {
              const product = createConv2d(device, multiply, compute, { rule: always, mostValues: most })
              const [a, b] = [product, native].map(
                (conv2d) => (x: Tensor) => conv2d(x as Tensor4D, filter, { stride: 1, padding }),
              ) as [(x: Tensor) => Tensor, (x: Tensor) => Tensor]
              expect(relativeError(a(x), b(x))).toBeLessThan(tolerance)
              expect(relativeError(tf.grad(a)(x), tf.grad(b)(x))).toBeLessThan(tolerance)
            }
          }
        })
      }
      filter.dispose()
    })

    it.each([false, true])("attend in chunks as all at once (causal: %s)", (causal) => {
      tf.tidy(() => {
        const make = (name: string): Tensor3D => tf.tensor3d(normal(name, [2, 23, 12]), [2, 23, 12])
        const inputs = [make("q"), make("k"), make("v")]
        const dy = make("dy")
        // Five queries at a time, with a shorter last chunk. Then one query at a time.
        const whole = (...[q, k, v]: Tensor[]) =>
          attentionInChunks(q as Tensor3D, k as Tensor3D, v as Tensor3D, 3, causal)
        for (const most of [2 * 3 * 23 * 5, 1]) {
          const parts = (...[q, k, v]: Tensor[]) =>
            attentionInChunks(q as Tensor3D, k as Tensor3D, v as Tensor3D, 3, causal, most)
          expect(relativeError(parts(...inputs), whole(...inputs))).toBeLessThan(1e-5)
          const expected = tf.grads(whole)(inputs, dy)
          for (const [i, gradient] of tf.grads(parts)(inputs, dy).entries()) {
            expect(relativeError(gradient, expected[i] as Tensor)).toBeLessThan(1e-5)
          }
        }
      })
    })
  },
)
