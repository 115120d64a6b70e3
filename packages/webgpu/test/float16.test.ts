import { createComposedOps, type Ops, type WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { halfResults } from "@lllite/core/reference"
import { checkOps } from "@lllite/core/testing"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { checkStorage, createWebgpuOps, type WebgpuDevice, WebgpuOpsError } from "../src/index.ts"
import { apart } from "./apart.ts"
import { openGpu } from "./open-gpu.ts"
import { compared, MODULE, unetCases, worstResults } from "./reference-suites.ts"
import { expectCloseNorms } from "./site-norms.ts"
import { tailErrors, worstTails } from "./tails.ts"
import { throughHalf } from "./through-half.ts"

/* Values between layers in float16, without subgroup matrices. `on-matrices.test.ts` has both. */

const { hasAdapter, hasFloat16, start } = await openGpu("lavapipe")

const needsFloat16 = needs("a WebGPU adapter with float16. scripts/lavapipe.sh installs one", hasAdapter && hasFloat16)

function normal(name: string, shape: number[]): tf.Tensor {
  return tf.tensor(createStream(1, name).normal(tf.util.sizeFromShape(shape)), shape)
}

function entry(name: string, shape: readonly number[]): WeightEntry {
  const values = createStream(1, name).normal(tf.util.sizeFromShape([...shape]))
  return { name, dtype: "F32", shape, read: async () => new Uint8Array(values.buffer.slice(0)) }
}

describe("values between layers in float16", needsFloat16, () => {
  let webgpu: WebgpuDevice
  let base: Ops
  let ops: Required<Pick<Ops, "narrow" | "widen">> & Ops
  beforeAll(async () => {
    webgpu = await start({ features: ["shader-f16", "subgroups"] })
    base = createComposedOps()
    ops = createWebgpuOps(base, { precision: "F16" }) as typeof ops
  })
  afterAll(() => webgpu.dispose())

  const bytesInUse = (): number => (tf.memory() as unknown as { readonly numBytesInGPU: number }).numBytesInGPU

  /** The greatest error of `run` on narrowed inputs. Their rounding is a part of it. */
  async function errorOf(run: (...inputs: tf.Tensor[]) => tf.Tensor, ...shapes: number[][]): Promise<number> {
    const inputs = shapes.map((shape, i) => normal(`input ${i}`, shape))
    const results = [tf.tidy(() => run(...inputs)), tf.tidy(() => run(...inputs.map((x) => ops.narrow(x))))]
    const [expected, got] = await Promise.all(results.map((y) => y.data()))
    tf.dispose([...inputs, ...results])
    return apart(got as Float32Array, expected as Float32Array)
  }

  it("pass the driver's check, and leave nothing behind", async () => {
    const before = tf.memory().numTensors
    expect(await checkStorage()).toBeNull()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("fail the check where a value is wrong, with what was wrong", async () => {
    const wrong = { ...base, linear: (x, weight) => tf.mul(base.linear(x, weight), 1.01) } satisfies Ops
    expect(await checkStorage(wrong)).toMatch(
      /^a product of 37×72 and 72×44 that is stored in float16 is 1\.0e-2 apart from float64$/,
    )
  })

  it("take half the memory, whole words, and round to the nearest", async () => {
    const [even, odd] = [normal("even", [64, 1024]), normal("odd", [3, 5])]
    const before = bytesInUse()
    const narrowed = ops.narrow(even)
    // The input is uploaded now.
    expect(bytesInUse() - before).toBe(4 * even.size + 2 * even.size)
    const small = ops.narrow(odd)
    for (const [x, half] of [[even, narrowed] as const, [odd, small] as const]) {
      const [values, halves] = await Promise.all([x.data<"float32">(), half.data<"float32">()])
      expect(
        halves.every((value, i) => Math.abs(value - (values[i] ?? 0)) <= Math.abs(values[i] ?? 0) * 2 ** -11),
      ).toBe(true)
      expect([...halves]).not.toEqual([...values])
    }
    const [first, second] = await Promise.all([small.data(), small.data()])
    expect(first).toEqual(second)
    tf.dispose([even, odd, narrowed, small])
  })

  it("stay so through sums, parts and joins, and become float32 for other kernels of TensorFlow.js", async () => {
    const x = ops.narrow(normal("x", [2, 6, 8]))
    const y = ops.narrow(normal("y", [2, 6, 8]))
    const before = bytesInUse()
    const sum = tf.add(x, y)
    const part = tf.slice(x, [0, 1, 0], [2, 3, 8])
    const joined = tf.concat([x, y], 2)
    expect(bytesInUse() - before).toBe(2 * (sum.size + part.size + joined.size))
    tf.dispose([x, y, sum, part, joined])
    expect(await errorOf((x, y) => tf.sub(tf.mul(x as tf.Tensor, 0.5), y as tf.Tensor), [3, 5], [3, 5])).toBeLessThan(
      2e-3,
    )
    expect(await errorOf((x) => tf.sum(tf.square(x as tf.Tensor), 1), [3, 70])).toBeLessThan(2e-3)
    expect(await errorOf((x) => tf.tile(tf.transpose(x as tf.Tensor), [2, 1]), [3, 5])).toBeLessThan(1e-3)
  })

  it("go through tails of tiles", needsAll(needsFloat16, longOnly), async () => {
    const errors = await tailErrors(base, throughHalf(ops))
    console.info(`float16: ${worstTails(errors)}`)
    expect(errors.filter(({ value, slopes }) => !(value < 1e-2 && slopes < 1e-2))).toEqual([])
  })

  it("give the same bits each time, and slopes in float16 as well", async () => {
    const weight = await ops.load.linear(entry("weight", [44, 72]), null)
    const x = normal("x", [37, 72])
    const run = (x: tf.Tensor): tf.Tensor => ops.widen(ops.linear(ops.narrow(x), weight))
    const slope = tf.grad(run)
    const dy = normal("dy", [37, 44])
    const [one, other, dx, dxAgain, expected] = await Promise.all(
      [run(x), run(x), slope(x, dy), slope(x, dy), tf.grad((x: tf.Tensor) => ops.linear(x, weight))(x, dy)].map((y) =>
        y.data<"float32">(),
      ),
    )
    expect(one).toEqual(other)
    expect(dx).toEqual(dxAgain)
    expect(apart(dx ?? [], expected ?? [])).toBeLessThan(2e-3)
    expect(dx).not.toEqual(expected)
    weight.dispose()
    tf.dispose([x, dy])
  })

  it("refuse a device without float16", async () => {
    webgpu.dispose()
    const plain = await start({ features: ["subgroups"] })
    expect(() => createWebgpuOps(base, { precision: "F16" })).toThrow(WebgpuOpsError)
    expect(await checkStorage()).toBe("the driver has no float16")
    plain.dispose()
    webgpu = await start({ features: ["shader-f16", "subgroups"] })
    ops = createWebgpuOps(base, { precision: "F16" }) as typeof ops
  })

  it("keep the contract of ops to within 1e-2", needsAll(needsFloat16, longOnly), async () => {
    const results = await checkOps(throughHalf(ops), { stored: "F16" })
    const worst = Math.max(...results.map(({ maxRelError }) => maxRelError))
    console.info(`contract in float16: ${results.length} cases, worst ${worst.toExponential(1)}`)
    expect(results.filter(({ maxRelError }) => !(maxRelError < 1e-2))).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })

  it.each([MODULE, unetCases("unet.lllite.chain")])(
    "agree with the reference on $what, as half precision may",
    needsAll(needsFloat16, longOnly),
    async (suite) => {
      const results = halfResults(await compared(suite, ops))
      console.info(`float16: ${worstResults(results)}`)
      expect(results.filter((result) => !("ok" in result && result.ok))).toEqual([])
    },
  )

  it("give gradients whose norm at every site is within 2 %", needsAll(needsFloat16, longOnly), async () => {
    await expectCloseNorms(createWebgpuOps(base), ops, "with float16")
  })
})
