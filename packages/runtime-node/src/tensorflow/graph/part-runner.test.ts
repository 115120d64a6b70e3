import type { LinearWeight, Ops } from "@lllite/core/ops"
import { checkParts } from "@lllite/core/testing"
import { fromFloat32 } from "@lllite/format/write"
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import { findTensorflow } from "../installation.ts"
import { createTensorflowOps, graphAbilities } from "../ops/index.ts"

/** The number of graphs that TensorFlow holds. */
const graphs = (): number =>
  (tf.backend() as unknown as { readonly binding: { getNumOfSavedModels(): number } }).binding.getNumOfSavedModels()

describe("parts as graphs", needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null), () => {
  beforeAll(async () => {
    const { version } = await startBackend("tensorflow")
    expect(version).toContain("blocks as graphs")
  })

  it.each([
    { batch: 1, height: 8, width: 8 },
    { batch: 2, height: 8, width: 12 },
    { batch: 3, height: 4, width: 8 },
  ])("give what the ops give, for $batch × $height × $width latents in float32", async (size) => {
    const before = graphs()
    const results = await checkParts(createTensorflowOps({ graphs: graphAbilities() }), { ...size, tolerance: 1e-5 })
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(80)
    expect(graphs() - before).toBeGreaterThan(20)
  })

  it.each([
    { batch: 1, height: 8, width: 8 },
    { batch: 2, height: 4, width: 8 },
  ])("give what the ops give within 2e-2 in bfloat16, for $batch × $height × $width latents", async (size) => {
    const ops = createTensorflowOps({ graphs: graphAbilities(), compute: "BF16", weights: "BF16" })
    const results = await checkParts(ops, { ...size, tolerance: 2e-2 })
    expect(results.filter(({ ok }) => !ok)).toEqual([])
  })

  it("give the same bytes the first time and later", () => {
    const run = runPart(createTensorflowOps({ graphs: graphAbilities() }))
    const [x, w] = [tf.randomNormal<tf.Rank.R2>([7, 33]), tf.randomNormal<tf.Rank.R2>([33, 5])]
    const bias = tf.randomNormal([5])
    const layer = (x: Tensor2D): Tensor2D => tf.add(tf.matMul(x, w), bias)
    const runs = Array.from({ length: 4 }, () => {
      const y = run({ key: "bytes", x, reads: [w, bias], trained: [], run: layer })
      return Buffer.from(y.dataSync().slice().buffer).toString("hex")
    })
    expect(new Set(runs).size).toBe(1)
  })

  it("run op by op when they read a tensor that they do not name", async () => {
    const ops = createTensorflowOps({ graphs: graphAbilities() })
    const run = runPart(ops)
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const results = [10, 20, 30, 40].map((value) => {
      const hidden = tf.scalar(value)
      // An upload is an op's input from outside, as soon as an op has read it.
      hidden.dataSync()
      tf.add(hidden, 0).dispose()
      return run({ key: "hidden", x, reads: [], trained: [], run: (x) => tf.mul(x, hidden) as Tensor2D }).arraySync()
    })
    expect(results).toEqual([10, 20, 30, 40].map((value) => [1, 2, 3, 4].map((one) => one * value)).map(inRows))
  })

  it("keep two parts apart whose tensors are not the same ones in the same places", async () => {
    const run = runPart(createTensorflowOps({ graphs: graphAbilities() }))
    const [x, a, b] = [1, 2, 3].map((value) => tf.fill([2], value)) as [Tensor, Tensor, Tensor]
    const both = (key: string, first: Tensor, second: Tensor): number[] => {
      const part = { key, x, reads: [first, second], trained: [] }
      const y = run({ ...part, run: (x) => tf.add(tf.mul(x, first), tf.mul(second, 10)) })
      return [...y.dataSync()]
    }
    for (let i = 0; i < 4; i++) {
      expect(both("two", a, b)).toEqual([32, 32])
      expect(both("two", a, a)).toEqual([22, 22])
      expect(both("two", b, a)).toEqual([23, 23])
      // The graph that is made of one tensor in two places reads one.
      expect(both("one first", a, a)).toEqual([22, 22])
      expect(both("one first", a, b)).toEqual([32, 32])
    }
  })

  it("are also right inside of a larger gradient, with inputs that were disposed since", async () => {
    const ops = createTensorflowOps({ graphs: graphAbilities() })
    const run = runPart(ops)
    const values = Float32Array.from({ length: 6 }, (_, i) => i - 2.5)
    const entry = { name: "w", dtype: "F32" as const, shape: [3, 2], read: async () => fromFloat32(values, "F32") }
    const weight: LinearWeight = await ops.load.linear(entry, null)
    const [x, gain] = [tf.tensor2d([1, -2, 3, 4], [2, 2]), tf.scalar(0.5)]
    const gradients = (isWhole: boolean): number[] => {
      const twice = tf.grads((...args) => {
        const [x, gain] = args as [Tensor2D, Tensor]
        const layer = (h: Tensor2D): Tensor2D => tf.mul(ops.silu(ops.linear(h, weight)), gain)
        const h = tf.tidy(() => tf.mul(x, 2)) as Tensor2D
        const y = isWhole ? run({ key: "layer", x: h, reads: [weight], trained: [gain], run: layer }) : layer(h)
        h.dispose()
        return tf.sum(tf.square(y))
      })([x, gain])
      const numbers = twice.flatMap((gradient) => [...gradient.dataSync()])
      tf.dispose(twice)
      return numbers
    }
    const expected = gradients(false)
    const before = tf.memory().numTensors
    for (let i = 0; i < 4; i++) {
      for (const [n, value] of gradients(true).entries()) expect(value).toBeCloseTo(expected[n] as number, 4)
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it("say what an input of another kind is", () => {
    const run = runPart(createTensorflowOps({ graphs: graphAbilities() }))
    const table = { kind: "table", shape: [1, 1], bytes: 0, dispose: () => {} }
    const x = tf.scalar(1)
    expect(() => run({ key: "table", x, reads: [table], trained: [], run: (x) => x })).toThrow('kind "table"')
  })
})

function runPart({ runPart }: Ops): NonNullable<Ops["runPart"]> {
  if (runPart === undefined) throw new Error("TensorFlow runs no graphs here")
  return runPart
}

function inRows(values: readonly number[]): readonly (readonly number[])[] {
  return [values.slice(0, 2), values.slice(2)]
}
