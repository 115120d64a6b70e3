import { createComposedOps, type Ops, type Weight, type WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { checkOps } from "@lllite/core/testing"
import { type Dtype, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { apart } from "../test/apart.ts"
import { needsAdapter, start } from "../test/start.ts"
import type { WebgpuDevice } from "./index.ts"
import { createWebgpuOps, WebgpuLimitError, WebgpuOpsError, type WeightFormat } from "./index.ts"
import { encodeRows } from "./weights/storage.ts"

function normal(name: string, length: number): Float32Array {
  return createStream(1, name).normal(length)
}

function entry(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: "F32" | "F16" | "BF16" | "F64" = "F32",
): WeightEntry {
  return { name, dtype: dtype as Dtype, shape, read: async () => fromFloat32(values, dtype) }
}

/** The values of a weight after it is stored in a format. */
async function rounded(weight: WeightEntry, format: WeightFormat): Promise<WeightEntry> {
  const [rows = 1] = weight.shape
  const { bytes, scales } = encodeRows(weight.name, await weight.read(), weight.dtype, rows, format)
  if (scales === null) {
    const dtype = format === "F16" ? "F16" : format === "BF16" ? "BF16" : "F32"
    // The values as float32, from any format.
    return entry(weight.name, weight.shape, toFloat32(bytes, dtype))
  }
  const whole = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = Float32Array.from(
    whole,
    (value, i) => value * (scales[Math.floor((i * rows) / whole.length)] as number),
  )
  return entry(weight.name, weight.shape, values)
}

describe("ops on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  let base: Ops
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    base = createComposedOps()
    ops = createWebgpuOps(base)
  })
  afterAll(() => webgpu.dispose())

  /** Compares value and gradients of `run` at normal inputs, with these ops and with the composed ones. */
  async function compare(
    run: (ops: Ops, ...inputs: tf.Tensor[]) => tf.Tensor,
    ...shapes: readonly (readonly number[])[]
  ): Promise<void> {
    const inputs = shapes.map((shape, i) =>
      tf.tensor(normal(`input ${i}`, tf.util.sizeFromShape([...shape])), [...shape]),
    )
    const results = [base, ops].map((ops) =>
      tf.tidy(() => {
        const value = run(ops, ...inputs)
        const dy = tf.tensor(normal("slope", value.size), value.shape)
        return [value, ...tf.grads((...args) => run(ops, ...args))(inputs, dy)]
      }),
    )
    const [expected = [], got = []] = await Promise.all(results.map((list) => Promise.all(list.map((t) => t.data()))))
    expect(got).toHaveLength(shapes.length + 1)
    for (const [i, values] of got.entries()) {
      expect(values.some((value) => value !== 0)).toBe(true)
      expect(apart(values, expected[i] as Float32Array)).toBeLessThan(i === 0 ? 1e-5 : 2e-5)
    }
    tf.dispose([...inputs, ...results.flat()])
  }

  it("keep the contract of ops", async () => {
    const results = await checkOps(ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })

  it("compute activations and upsampling equally by four and by one", async () => {
    const [x, slope] = [normal("x", 24), normal("slope", 24)]
    for (const verb of ["silu", "quickGelu", "gelu", "relu"] as const) {
      const [four = [], one = []] = await Promise.all(
        [24, 23].map(async (count) => {
          const input = tf.tensor1d(x.slice(0, count))
          const dx = tf.grad((x: tf.Tensor) => ops[verb](x))(input, tf.tensor1d(slope.slice(0, count)))
          return [await ops[verb](input).data(), await dx.data()]
        }),
      )
      for (const [i, values] of four.entries()) {
        expect(apart(values.slice(0, 23), one[i] as ArrayLike<number>)).toBeLessThan(1e-6)
      }
    }
    await compare((ops, h) => ops.geglu(h), [3, 16])
    await compare((ops, x) => ops.upsample2x(x as tf.Tensor4D), [2, 3, 5, 8])
  })

  it("multiply by trained weights equally by four and by one, and sum over many rows in parts", async () => {
    await compare((ops, x, weight, bias) => ops.dense(x, weight, bias as tf.Tensor), [2, 300, 8], [8, 36], [36])
  })

  it("compute no gradient of a constant", async () => {
    const x = tf.tensor(normal("x", 12), [3, 4])
    const [weight, bias] = [tf.tensor(normal("weight", 20), [4, 5]), tf.zeros([5])]
    const gradients = (ops: Ops): tf.Tensor[] =>
      tf.grads((weight, bias) => ops.dense(x, weight as tf.Tensor, bias as tf.Tensor, { inputGradient: false }))([
        weight,
        bias,
      ])
    const [expected, got] = [gradients(base), gradients(ops)]
    for (const [i, gradient] of got.entries()) {
      expect(apart(await gradient.data(), await (expected[i] as tf.Tensor).data())).toBeLessThan(1e-5)
    }
  })

  it("attend with heads as wide as SDXL's VAE's", async () => {
    const attend = (ops: Ops, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
      ops.attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, { heads: 1, causal: false })
    await compare(
      (ops, q, k, v) => attend(ops, q as tf.Tensor, k as tf.Tensor, v as tf.Tensor),
      [1, 3, 512],
      [1, 5, 512],
      [1, 5, 512],
    )
  })

  it("normalise groups that are cut into slabs", async () => {
    const norm = async (ops: Ops): ReturnType<Ops["load"]["norm"]> =>
      ops.load.norm(entry("scale", [4], normal("scale", 4)), entry("shift", [4], normal("shift", 4)))
    const [plain, held] = [await norm(base), await norm(ops)]
    const options = { groups: 1, epsilon: 1e-5, silu: true }
    await compare((some, x) => some.groupNorm(x as tf.Tensor4D, some === ops ? held : plain, options), [2, 61, 43, 4])
  })

  it("take 70,000 rows, more than a dimension has workgroups", async () => {
    const rows = 70_000
    const norm = [entry("scale", [3], normal("scale", 3)), entry("shift", [3], normal("shift", 3))] as const
    const norms = new Map([
      [base, await base.load.norm(...norm)],
      [ops, await ops.load.norm(...norm)],
    ])
    const matrix = [entry("weight", [5, 3], normal("weight", 15)), entry("bias", [5], normal("bias", 5))] as const
    const linears = new Map([
      [base, await base.load.linear(...matrix)],
      [ops, await ops.load.linear(...matrix)],
    ])
    const of = <T>(map: Map<Ops, T>, ops: Ops): T => map.get(ops) as T
    await compare((ops, x) => ops.linear(x, of(linears, ops)), [rows, 3])
    await compare((ops, h) => ops.geglu(h), [rows, 6])
    const image = { groups: 1, epsilon: 1e-5, silu: true }
    await compare((ops, x) => ops.groupNorm(x as tf.Tensor4D, of(norms, ops), image), [1, 700, 100, 3])
    // A workgroup for each row.
    const x = tf.tensor(normal("rows", 3 * rows), [rows, 3])
    const [expected, got] = await Promise.all(
      [base, ops].map((ops) => tf.tidy(() => ops.layerNorm(x, of(norms, ops), 1e-5)).data()),
    )
    expect(apart(got as Float32Array, expected as Float32Array)).toBeLessThan(1e-5)
    x.dispose()
    for (const weight of [...norms.values(), ...linears.values()]) weight.dispose()
  })

  it("attend with 70,000 queries", async () => {
    const [rows, last] = [70_000, 70]
    const q = tf.tensor3d(normal("q", 4 * rows), [1, rows, 4])
    const [k, v] = ["k", "v"].map((name) => tf.tensor3d(normal(name, 20), [1, 5, 4])) as [tf.Tensor3D, tf.Tensor3D]
    const attend = (ops: Ops, q: tf.Tensor): tf.Tensor =>
      ops.attention(q as tf.Tensor3D, k, v, { heads: 2, causal: false })
    const end = (x: tf.Tensor): tf.Tensor => tf.slice(x, [0, rows - last, 0], [1, last, 4])
    // Queries are independent, so the last ones can be computed alone. tfjs's softmax takes at most 65,535 rows.
    const [got, expected] = await Promise.all([
      tf.tidy(() => end(attend(ops, q))).data<"float32">(),
      tf.tidy(() => attend(base, end(q))).data<"float32">(),
    ])
    expect(apart(got, expected)).toBeLessThan(1e-5)
    tf.dispose([q, k, v])
  })

  it("compute values that need workgroups of two dimensions", async () => {
    const count = 65_536 * 256 + 1
    const places = [0, 65_535 * 256, count - 1]
    const values = new Float32Array(count).fill(-1)
    for (const [i, at] of places.entries()) values[at] = i + 1
    const x = tf.tensor1d(values)
    const y = await tf.tidy(() => ops.relu(x)).data<"float32">()
    expect(places.map((at) => y[at])).toEqual([1, 2, 3])
    expect([y.length, y.reduce((sum, value) => sum + value, 0)]).toEqual([count, 6])
    x.dispose()
  })

  // The largest change of a result by rounding the weights, and the bytes of a value.
  describe.each([
    ["F32", 0, 4],
    ["F16", 1e-3, 2],
    ["BF16", 1e-2, 2],
    ["Q8", 2e-2, 1],
  ] as const)("weights as %s", (format, rounding, size) => {
    /** Value and gradient with a weight in the format, with the rounded values, and with the original values. */
    const compareFormats = async (
      weight: WeightEntry,
      shape: readonly number[],
      use: (ops: Ops, weight: WeightEntry) => Promise<{ weight: Weight; run: (x: tf.Tensor) => tf.Tensor }>,
    ): Promise<number> => {
      const read = async (ops: Ops, entry: WeightEntry): Promise<{ bytes: number; values: ArrayLike<number>[] }> => {
        const { weight, run } = await use(ops, entry)
        const x = tf.tensor(normal("x", tf.util.sizeFromShape([...shape])), [...shape])
        const results = tf.tidy(() => {
          const value = run(x)
          return [value, tf.grad(run)(x, tf.tensor(normal("slope", value.size), value.shape))]
        })
        const values = await Promise.all(results.map((tensor) => tensor.data()))
        tf.dispose([x, ...results])
        weight.dispose()
        return { bytes: weight.bytes, values }
      }
      const got = await read(createWebgpuOps(base, { weights: format }), weight)
      const held = await read(ops, await rounded(weight, format))
      const exact = await read(ops, weight)
      for (const [i, values] of got.values.entries()) {
        expect(apart(values, held.values[i] as ArrayLike<number>)).toBeLessThan(2e-6)
        expect(apart(values, exact.values[i] as ArrayLike<number>)).toBeLessThanOrEqual(rounding)
      }
      return got.bytes
    }

    it("are read by four, forward and back", async () => {
      const filter = entry("conv", [12, 8, 3, 3], normal("weight", 864))
      const options = { stride: 1, padding: [1, 1, 1, 1] } as const
      const bytes = await compareFormats(filter, [2, 5, 4, 8], async (ops, filter) => {
        const weight = await ops.load.conv2d(filter, null)
        return { weight, run: (x) => ops.conv2d(x as tf.Tensor4D, weight, options) }
      })
      expect(bytes).toBe(size * 864 + (format === "Q8" ? 4 * 12 : 0))
    })

    it("are read by one, forward and back", async () => {
      const matrix = entry("linear", [5, 7], normal("weight", 35))
      const bytes = await compareFormats(matrix, [3, 7], async (ops, matrix) => {
        const weight = await ops.load.linear(matrix, null)
        return { weight, run: (x) => ops.linear(x, weight) }
      })
      // Whole words.
      expect(bytes).toBe(4 * Math.ceil((size * 35) / 4) + (format === "Q8" ? 4 * 5 : 0))
    })
  })

  it.each([
    ["F16", 2],
    ["BF16", 2],
    ["F64", 4],
  ] as const)("keep a file's %s as it is by default", async (dtype, size) => {
    // Eighths up to 8 are exact in every format.
    const values = Float32Array.from({ length: 35 }, (_, i) => (i - 17) / 8)
    const linear = await ops.load.linear(entry("weight", [5, 7], values, dtype), null)
    expect(linear.bytes).toBe(4 * Math.ceil((35 * size) / 4))
    const identity = tf.eye(7)
    const y = await tf.tidy(() => ops.linear(identity, linear)).data()
    expect([...y]).toEqual(Array.from({ length: 35 }, (_, i) => values[(i % 5) * 7 + Math.floor(i / 5)]))
    linear.dispose()
  })

  it("refuse weights that do not fit, by name", async () => {
    const half = createWebgpuOps(base, { weights: "F16" })
    const large = entry("big.weight", [1, 2], Float32Array.of(70_000, 1))
    await expect(half.load.linear(large, null)).rejects.toThrow(/"big\.weight" has 1 values that float16 cannot hold/)
    const wide = { ...large, shape: [1, 2, 1] }
    await expect(ops.load.linear(wide, null)).rejects.toThrow(/"big\.weight" is \[1, 2, 1\], expected 2 dimensions/)
    await expect(ops.load.linear(large, entry("b", [3], new Float32Array(3)))).rejects.toThrow(
      /"b" is \[3\], expected \[1\]/,
    )
    const { maxStorageBufferBindingSize } = webgpu.device.limits
    // A stand-in for that many bytes. The code reads only its length before it refuses it.
    const bytes = { byteLength: maxStorageBufferBindingSize + 4 } as Uint8Array
    const huge: WeightEntry = { ...large, name: "huge.weight", read: async () => bytes }
    await expect(ops.load.linear(huge, null)).rejects.toThrow(WebgpuLimitError)
    await expect(ops.load.linear(huge, null)).rejects.toThrow(/huge\.weight/)
  })

  it("refuse inputs that do not fit, by name", async () => {
    const linear = await ops.load.linear(entry("weight", [5, 7], normal("weight", 35)), null)
    const filter = await ops.load.conv2d(entry("filter", [2, 3, 3, 3], normal("filter", 54)), null)
    const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 4])
    const [q, k] = [tf.zeros<tf.Rank.R3>([1, 2, 4]), tf.zeros<tf.Rank.R3>([1, 3, 4])]
    expect(() => createWebgpuOps(base, { weights: "F8" as "F16" })).toThrow(WebgpuOpsError)
    expect(() => ops.linear(x, linear)).toThrow(/linear: x is \[1, 2, 2, 4\], expected a last axis of 7/)
    expect(() => ops.conv2d(x, filter, { stride: 1, padding: [0, 0, 0, 0] })).toThrow(/conv2d: x is/)
    expect(() => ops.geglu(tf.zeros([2, 3]))).toThrow(/geglu: h is \[2, 3\]/)
    expect(() => ops.dense(q, tf.zeros([3, 3]), null)).toThrow(/dense: x \[1, 2, 4\]/)
    expect(() => ops.attention(q, k, q, { heads: 2, causal: false })).toThrow(/as many keys as values/)
    expect(() => ops.attention(q, q, q, { heads: 3, causal: false })).toThrow(/attention: q/)
    expect(() => ops.silu(tf.zeros([2], "int32"))).toThrow(/int32, expected float32/)
  })
})
