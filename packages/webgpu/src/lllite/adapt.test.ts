import { type AdapterTail, adapt, createComposedOps, type Ops } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { countCalls } from "../../../../bench/card/measure/counts.mjs"
import { apart } from "../../test/apart.ts"
import { needsAdapter, start } from "../../test/start.ts"
import { createWebgpuOps, type WebgpuDevice, WebgpuOpsError } from "../index.ts"

interface Case {
  /** [N, T, C] */
  readonly shape: readonly [number, number, number]
  readonly count: number
  readonly widths: readonly number[]
  /** One strength for all samples, or one for each. */
  readonly strength: number | readonly number[]
}

function normal(name: string, shape: readonly number[], spread = 1): tf.Tensor {
  const values = createStream(1, name).normal(tf.util.sizeFromShape([...shape]))
  return tf.tensor(
    values.map((value) => spread * value),
    [...shape],
  )
}

/** x, `down`, then the four tensors of every adapter. */
function inputsOf({ shape: [n, tokens, channels], count, widths }: Case): tf.Tensor[] {
  const joined = widths.reduce((sum, width) => sum + width, 0)
  return [
    normal("x", [n, tokens, channels]),
    normal("down", [channels, joined], 1 / Math.sqrt(channels)),
    normal("down bias", [joined]),
    ...widths.flatMap((width, i) => [
      normal(`midDown ${i}`, [width, width], 1 / Math.sqrt(width)),
      normal(`share ${i}`, [count, tokens, width]),
      normal(`up ${i}`, [width, channels], 1 / Math.sqrt(width)),
      normal(`up bias ${i}`, [channels]),
    ]),
  ]
}

function run(ops: Ops, { strength }: Case, inputs: readonly tf.Tensor[]): readonly tf.Tensor[] {
  const [x, weight, bias, ...rest] = inputs as [tf.Tensor3D, tf.Tensor2D, tf.Tensor1D, ...tf.Tensor[]]
  const tails = Array.from({ length: rest.length / 4 }, (_, i): AdapterTail => {
    const leaves = rest.slice(4 * i, 4 * i + 4) as [tf.Tensor2D, tf.Tensor3D, tf.Tensor2D, tf.Tensor1D]
    const [midDown, share, weight, bias] = leaves
    return { midDown, share, up: { weight, bias } }
  })
  const [n] = x.shape
  const strengths = typeof strength === "number" ? Array<number>(n).fill(strength) : strength
  return adapt(
    ops,
    x,
    { weight, bias },
    tails,
    tails.map(() => strengths),
  )
}

describe("adapters on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  let base: Ops
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    base = createComposedOps()
    ops = createWebgpuOps(base)
  })
  afterAll(() => webgpu.dispose())

  // 16 rows are a tile; 300 is too wide for so many, and 1040 rows are so many tiles that columns are not cut.
  it.each<Case>([
    { shape: [2, 37, 40], count: 1, widths: [16, 16, 16], strength: 1 },
    { shape: [2, 16, 30], count: 2, widths: [7, 1], strength: 0.5 },
    { shape: [4, 5, 132], count: 2, widths: [64], strength: -1.5 },
    { shape: [1, 1, 3], count: 1, widths: [1], strength: 1 },
    { shape: [4, 21, 20], count: 2, widths: [9, 16], strength: [0, 0.5, 0.5, -1] },
    { shape: [1, 19, 7], count: 1, widths: [300, 7], strength: 1 },
    { shape: [2, 520, 160], count: 2, widths: [64, 64, 64], strength: 1 },
  ])("equal the composed ones, forward and back: %o", async (adapterCase) => {
    const before = tf.memory().numTensors
    const inputs = inputsOf(adapterCase)
    const results = [base, ops].map((ops) =>
      tf.tidy(() => {
        const value = tf.stack([...run(ops, adapterCase, inputs)])
        const dy = normal("slope", value.shape)
        return [value, ...tf.grads((...inputs) => tf.stack([...run(ops, adapterCase, inputs)]))(inputs, dy)]
      }),
    )
    const [expected = [], got = []] = await Promise.all(
      results.map((list) => Promise.all(list.map((tensor) => tensor.data<"float32">()))),
    )
    expect(got).toHaveLength(inputs.length + 1)
    expect(expected[0]?.some((value) => value !== 0)).toBe(true)
    for (const [i, values] of got.entries()) {
      expect(apart(values, expected[i] as Float32Array)).toBeLessThan(i === 0 ? 2e-6 : 1e-5)
    }
    tf.dispose([...inputs, ...results.flat()])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("take a dispatch each, and one for their shared product", () => {
    const adapterCase = { shape: [2, 37, 40], count: 1, widths: [16, 16, 16], strength: 0.5 } as const
    const inputs = inputsOf(adapterCase)
    const count = (ops: Ops): number => {
      const stop = countCalls()
      tf.tidy(() => void run(ops, adapterCase, inputs))
      return stop().dispatches
    }
    const { adapt: _, ...without } = ops
    expect([count(ops), count(without)]).toEqual([4, 23])
    tf.dispose(inputs)
  })

  it("are refused by name when they do not fit", () => {
    const adapterCase = { shape: [2, 3, 4], count: 1, widths: [2], strength: 1 } as const
    const [x, down, bias, midDown, share, up, upBias] = inputsOf(adapterCase)
    const refused = (...inputs: readonly (tf.Tensor | undefined)[]): unknown => {
      try {
        return run(ops, adapterCase, inputs as tf.Tensor[])
      } catch (error) {
        return error
      }
    }
    expect(refused(x, down, bias, midDown, share, up, upBias)).toHaveLength(1)
    expect(refused(x, down, bias, tf.zeros([3, 3]), share, up, upBias)).toBeInstanceOf(WebgpuOpsError)
    expect(refused(x, down, bias, midDown, tf.zeros([1, 2, 2]), up, upBias)).toBeInstanceOf(WebgpuOpsError)
    expect(refused(x, down, bias, midDown, share, tf.zeros([2, 5]), upBias)).toBeInstanceOf(WebgpuOpsError)
    expect(refused(x, down, bias, midDown, tf.zeros([3, 3, 2]), up, upBias)).toMatchObject({ name: "CoreError" })
  })
})
