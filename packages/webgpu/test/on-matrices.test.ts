import { createComposedOps, type Ops, type WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { halfResults } from "@lllite/core/reference"
import { checkOps } from "@lllite/core/testing"
import { toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { type Gpu, openGpu as own } from "../src/gpu.ts"
import { areTiles, checkMatrices, createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { MATRIX_CANDIDATES, MATRIX_TILES } from "../src/product/matrix-tiles.ts"
import { DEFAULT_TILES } from "../src/product/tiles.ts"
import { tunedMatrices } from "../src/product/tune-matrices.ts"
import { apart } from "./apart.ts"
import { openGpu } from "./open-gpu.ts"
import { compared, MODULE, unetCases, worstResults } from "./reference-suites.ts"
import { expectCloseNorms } from "./site-norms.ts"
import { tailErrors, worstTails } from "./tails.ts"
import { throughHalf } from "./through-half.ts"

/* Products on subgroup matrices. `matrices.test.ts` runs this file on a driver that has them. */

const { hasMatrices, start } = await openGpu()

const needsMatrices = needs("a WebGPU adapter with subgroup matrices", hasMatrices)

function normal(name: string, length: number): Float32Array {
  return createStream(1, name).normal(length)
}

function entry(name: string, shape: readonly number[]): WeightEntry {
  const values = normal(name, tf.util.sizeFromShape([...shape]))
  return { name, dtype: "F32", shape, read: async () => bytesOf(values) }
}

function bytesOf(values: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.slice().buffer)
}

describe("products on subgroup matrices", needsMatrices, () => {
  let webgpu: WebgpuDevice
  let base: Ops
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    base = createComposedOps()
    ops = createWebgpuOps(base, { precision: "F16" })
  })
  afterAll(() => webgpu.dispose())

  it("pass the driver's check, and leave nothing behind", async () => {
    const before = tf.memory().numTensors
    expect(await checkMatrices()).toBeNull()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("fail the check where a value is wrong, with what was wrong", async () => {
    const wrong = { ...base, linear: (x, weight) => tf.mul(base.linear(x, weight), 1.001) } satisfies Ops
    expect(await checkMatrices(wrong)).toMatch(
      /^a product of 1024×64 and 64×1024 on subgroup matrices is 1\.0e-3 apart/,
    )
    const steeper = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, 1.01),
    }))
    const steep: Ops["linear"] = (x, weight) => ops.linear(steeper(x), weight)
    expect(await checkMatrices({ ...ops, linear: steep })).toMatch(
      /^a product of 1024×1024 slopes and 1024×64 on subgroup matrices is 1\.\de-2 apart/,
    )
    const attention: Ops["attention"] = (...args) => tf.mul(ops.attention(...args), 1.004)
    expect(await checkMatrices({ ...ops, attention })).toMatch(
      /^attention of 70 queries and 77 keys on subgroup matrices is 4\.\de-3 apart/,
    )
    const conv2d: Ops["conv2d"] = (x, weight, options) => tf.mul(base.conv2d(x, weight, options), 1.001)
    expect(await checkMatrices({ ...base, conv2d })).toMatch(/^a convolution of 17×23 with 12 filters/)
  })

  it("round both factors to float16, but not those of wide weights", async () => {
    const x = tf.tensor(normal("x", 77 * 70), [77, 70])
    const weight = entry("weight", [44, 70])
    const results = [
      base.linear(x, await base.load.linear(weight, null)),
      ops.linear(x, await ops.load.linear(weight, null)),
      ops.linear(x, await (ops.load.wide ?? ops.load).linear(weight, null)),
    ]
    const [expected, rounded, wide] = await Promise.all(results.map((y) => y.data()))
    const error = apart(rounded as Float32Array, expected as Float32Array)
    expect(error).toBeGreaterThan(1e-5)
    expect(error).toBeLessThan(2e-3)
    expect(apart(wide as Float32Array, expected as Float32Array)).toBeLessThan(1e-6)
    tf.dispose([x, ...results])
  })

  it("round weights to float16 for slopes that are float16", async () => {
    const half = (values: Float32Array): Float32Array => toFloat32(fromFloat32(values, "F16"), "F16")
    const [dy, values] = [normal("slopes", 77 * 44), normal("weight", 44 * 70)]
    const slopesWith = async (values: Float32Array, through: (ops: Ops) => Ops): Promise<Float32Array> => {
      const weight = await ops.load.linear({ ...entry("weight", [44, 70]), read: async () => bytesOf(values) }, null)
      const run = (x: tf.Tensor): tf.Tensor => through(ops).linear(x, weight)
      const dx = tf.tidy(() => tf.grad(run)(tf.zeros([77, 70]), tf.tensor(half(dy), [77, 44])))
      const read = await dx.data<"float32">()
      dx.dispose()
      weight.dispose()
      return read
    }
    expect(await slopesWith(values, throughHalf)).toEqual(await slopesWith(half(values), throughHalf))
    // Slopes of float32 are multiplied by float32.
    const own = (ops: Ops): Ops => ops
    expect(await slopesWith(values, own)).not.toEqual(await slopesWith(half(values), own))
  })

  it("have the same bits each time", async () => {
    const x = tf.tensor(normal("x", 130 * 600), [130, 600])
    const weight = await ops.load.linear(entry("weight", [72, 600]), entry("bias", [72]))
    const [one, other] = await Promise.all([ops.linear(x, weight).data(), ops.linear(x, weight).data()])
    expect(one).toEqual(other)
    x.dispose()
  })

  it.each([
    { n: 2, tokens: 17 * 23, keys: 77, heads: 2, spread: 1 },
    { n: 1, tokens: 1, keys: 5, heads: 1, spread: 1 },
    // Scores of up to ±30, so that sums are scaled anew.
    { n: 1, tokens: 70, keys: 197, heads: 3, spread: 3 },
  ])("attend within 1e-2, with the same bits each time: %o", async ({ n, tokens, keys, heads, spread }) => {
    const tensor = (name: string, rows: number, by: number): tf.Tensor3D =>
      tf.tensor3d(
        normal(name, n * rows * heads * 64).map((value) => by * value),
        [n, rows, heads * 64],
      )
    const [q, k, v] = [tensor("q", tokens, spread), tensor("k", keys, spread), tensor("v", keys, 1)] as const
    const results = [base, ops, ops].map(({ attention }) => attention(q, k, v, { heads, causal: false }))
    const [expected, got, again] = await Promise.all(results.map((y) => y.data<"float32">()))
    const error = apart(got as Float32Array, expected as Float32Array)
    expect(error).toBeGreaterThan(0)
    expect(error).toBeLessThan(1e-2)
    expect(again).toEqual(got)
    tf.dispose([q, k, v, ...results])
  })

  it("compute slopes of attention within 2e-3 of float32, with the same bits each time", async () => {
    const [tokens, keys, heads] = [70, 77, 2]
    const inputs = (["q", "k", "v"] as const).map((name, i) =>
      tf.tensor3d(normal(name, (i === 0 ? tokens : keys) * heads * 64), [1, i === 0 ? tokens : keys, heads * 64]),
    )
    const dy = tf.tensor3d(normal("dy", tokens * heads * 64), [1, tokens, heads * 64])
    const slopesOf = async (ops: Ops, scale: number): Promise<readonly Float32Array[]> => {
      const slopes = tf.tidy(() => {
        const run = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
          ops.attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, { heads, causal: false })
        return tf.grads(run)(inputs, tf.mul(dy, scale))
      })
      const values = await Promise.all(slopes.map((slope) => slope.data<"float32">()))
      tf.dispose(slopes)
      return values
    }
    const expected = await slopesOf(base, 1)
    const got = await slopesOf(throughHalf(ops), 1)
    const errors = got.map((values, i) => apart(values, expected[i] ?? []))
    console.info(`slopes of attention: ${errors.map((error) => error.toExponential(1)).join(", ")}`)
    for (const error of errors) expect(error).toBeLessThan(2e-3)
    // Kernels in float32 would be nearer.
    expect(Math.max(...errors)).toBeGreaterThan(1e-5)
    expect(await slopesOf(throughHalf(ops), 1)).toEqual(got)
    // Slopes at scores are then below float16's smallest normal value.
    const small = await slopesOf(throughHalf(ops), 2 ** -8)
    for (const [i, values] of small.entries()) {
      expect(
        apart(
          values.map((value) => value * 2 ** 8),
          expected[i] ?? [],
        ),
      ).toBeLessThan(2e-3)
    }
    tf.dispose([...inputs, dy])
  })

  it.each([
    ["float32", 2e-3, (ops: Ops): Ops => ops],
    ["float16", 1e-2, throughHalf],
  ] as const)(
    "go through tails of tiles, with values between layers in %s",
    needsAll(needsMatrices, longOnly),
    async (storage, allowed, through) => {
      const errors = await tailErrors(base, through(ops))
      console.info(`matrices, ${storage}: ${worstTails(errors)}`)
      expect(errors.filter(({ value, slopes }) => !(value < allowed && slopes < allowed))).toEqual([])
    },
  )

  it("are tuned among tiles that are right", needsAll(needsMatrices, longOnly), async () => {
    const gpu = own()
    const [wrong] = MATRIX_CANDIDATES[0]?.slice(1) ?? []
    const sizes = [
      [
        { sizes: { m: 256, n: 256, k: 64 }, count: 2 },
        { sizes: { m: 128, n: 256, k: 64 }, count: 1 },
      ],
      [{ sizes: { m: 64, n: 64, k: 64 }, count: 1 }],
    ]
    const tuned = await tunedMatrices(gpu, DEFAULT_TILES, sizes)
    expect(areTiles(tuned)).toBe(true)
    expect(tuned.matrices).toHaveLength(MATRIX_TILES.length)
    // A tile that computes nothing is fastest.
    const broken: Gpu = {
      ...gpu,
      run: (kernel, ...rest) => (kernel.key.endsWith("2×4 subgroups") ? undefined : gpu.run(kernel, ...rest)),
    }
    const { matrices } = await tunedMatrices(broken, DEFAULT_TILES, sizes)
    expect(wrong?.subgroups).toEqual([2, 4])
    expect(matrices).not.toContainEqual(wrong)
  })

  it.each([MODULE, unetCases("unet.lllite.chain")])(
    "agree with the reference on $what, as half precision may",
    needsAll(needsMatrices, longOnly),
    async (suite) => {
      const results = halfResults(await compared(suite, ops))
      console.info(`matrices: ${worstResults(results)}`)
      expect(results.filter((result) => !("ok" in result && result.ok))).toEqual([])
    },
  )

  it("give gradients whose norm at every site is within 2 %", needsAll(needsMatrices, longOnly), async () => {
    await expectCloseNorms(createWebgpuOps(base), ops, "on matrices")
  })

  it.each([
    ["float32", (ops: Ops): Ops => ops],
    ["float16", throughHalf],
  ] as const)(
    "keep the contract of ops to within 2e-3, with values between layers in %s",
    needsAll(needsMatrices, longOnly),
    async (storage, through) => {
      // Matrices round both factors to float16, so that is what the formula reads.
      const results = await checkOps(through(ops), { stored: "F16" })
      const worst = Math.max(...results.map(({ maxRelError }) => maxRelError))
      console.info(`contract on matrices, ${storage}: ${results.length} cases, worst ${worst.toExponential(1)}`)
      expect(results.filter(({ maxRelError }) => !(maxRelError < 2e-3))).toEqual([])
      expect(results.length).toBeGreaterThan(150)
    },
  )
})
