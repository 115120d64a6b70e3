import { spawnSync } from "node:child_process"
import { dirname, join } from "node:path"
import * as tf from "@tensorflow/tfjs-core"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import type { TensorflowBackend, TensorflowBinding } from "../binding.ts"
import { findTensorflow } from "../installation.ts"
import { KERNELS_FILE } from "../kernels.ts"
import type { TensorflowDevice } from "../ops/device.ts"
import { openDevice, TF_TYPES } from "../ops/device.ts"
import type { Convolution, Product } from "./own-product.test-help.ts"
import { errorOf, INSTRUCTIONS, kernelsHere, numbersIn, planOf } from "./own-product.test-help.ts"
import { productNode } from "./own-product.ts"

const addon = kernelsHere()
const why = typeof addon === "string" ? addon : "a CPU with these instructions"
const BOTH = [false, true]
const input = (index: number, dtype: number, shape: readonly number[]) =>
  ({ kind: "input", index, type: { dtype, shape } }) as const

describe.each(INSTRUCTIONS)("our own product by %s", (instructions) => {
  const here = needs(why, typeof addon !== "string" && addon.available.includes(instructions))
  let device: TensorflowDevice
  let binding: TensorflowBinding
  beforeAll(async () => {
    if (typeof addon === "string" || here.skip) return
    await startBackend("tensorflow")
    addon.use(instructions)
    device = openDevice()
    binding = (tf.backend() as TensorflowBackend).binding
  })
  afterAll(() => {
    if (typeof addon !== "string" && !here.skip) addon.use(addon.available[0] as string)
  })
  /** A product's error is what rounding explains. */
  const expectRight = (product: Product): void => {
    const error = errorOf(product, device, binding)
    expect(error, JSON.stringify(product)).toBeLessThan(1)
  }

  const orders = BOTH.flatMap((xColumns) =>
    BOTH.flatMap((yColumns) => BOTH.map((contractsRows) => ({ xColumns, yColumns, contractsRows }))),
  )
  it.each(orders)(
    "is right for columns in: $xColumns, columns out: $yColumns, sums over rows: $contractsRows",
    here,
    (order) => {
      for (const samples of [1, 2, 3, 4]) {
        for (const tokens of [1, 5, 77, 300]) {
          for (const [width, out] of [
            [33, 130],
            [130, 33],
          ] as const) {
            expectRight({ ...order, samples, tokens, width, out, hasBias: tokens === 77, hasAddend: samples === 2 })
          }
        }
      }
      // More outputs than a thread computes at once, and more numbers in a sum than are multiplied at once.
      expectRight({ ...order, samples: 1, tokens: 20, width: 300, out: 700, hasBias: true, hasAddend: true })
    },
  )

  const types = (["F32", "BF16"] as const).flatMap((xType) =>
    (["F32", "F16", "BF16"] as const).flatMap((weightType) =>
      (["F32", "BF16"] as const).map((yType) => ({ xType, weightType, yType })),
    ),
  )
  it.each(types)("is right for x in $xType, weights in $weightType and y in $yType", here, (type) => {
    for (const order of orders) {
      expectRight({ ...type, ...order, samples: 2, tokens: 37, width: 45, out: 51, hasBias: true, hasAddend: true })
    }
  })

  const convolutions: readonly Convolution[] = BOTH.flatMap((isBack) => [
    { isBack, picture: [7, 9], places: [3, 3], stride: 1, top: 1, left: 1 },
    { isBack, picture: [8, 10], places: [3, 3], stride: 2, top: 1, left: 1 },
    { isBack, picture: [9, 6], places: [3, 3], stride: 2, top: 0, left: 0 },
    { isBack, picture: [6, 5], places: [1, 1], stride: 2, top: 0, left: 0 },
    { isBack, picture: [6, 7], places: [2, 4], stride: 1, top: 1, left: 3 },
    { isBack, picture: [20, 20], places: [3, 3], stride: 1, top: 1, left: 1 },
  ])
  it.each(convolutions)(
    "is right for windows: $picture, $places, stride $stride, back: $isBack",
    here,
    (convolution) => {
      for (const contractsRows of BOTH) {
        const sizes = { convolution, contractsRows, samples: 2, width: 33, out: 70 }
        expectRight({ ...sizes, hasBias: true, hasAddend: true })
        expectRight({ ...sizes, yColumns: true, weightType: "F16" })
        expectRight({ ...sizes, xType: "BF16", weightType: "BF16", yType: "BF16", hasBias: true })
      }
    },
  )

  it("is right for any sizes, orders and types", here, () => {
    const product = fc.record({
      samples: fc.integer({ min: 1, max: 4 }),
      tokens: fc.integer({ min: 1, max: 90 }),
      width: fc.integer({ min: 1, max: 150 }),
      out: fc.integer({ min: 1, max: 150 }),
      xColumns: fc.boolean(),
      yColumns: fc.boolean(),
      contractsRows: fc.boolean(),
      xType: fc.constantFrom("F32", "BF16"),
      weightType: fc.constantFrom("F32", "F16", "BF16"),
      yType: fc.constantFrom("F32", "BF16"),
      hasBias: fc.boolean(),
      hasAddend: fc.boolean(),
    })
    fc.assert(
      fc.property(product, (product) => errorOf(product as Product, device, binding) < 1),
      { numRuns: 80 },
    )
  })

  it("keeps what is no number, and what has no bounds", here, () => {
    const plan = planOf({ tokens: 1, width: 1, out: 1 })
    for (const yType of ["F32", "BF16"] as const) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const ids = [value, 1].map((one) => binding.createTensor([1, 1], TF_TYPES.F32, Float32Array.of(one)))
        const [x, weight] = [input(0, TF_TYPES.F32, [1, 1]), input(1, TF_TYPES.F32, [1, 1])]
        const output = { dtype: TF_TYPES[yType], shape: [1, 1] }
        const node = productNode(plan, { x, weight, bias: null, addend: null }, output, false, binding)
        const [result] = binding.executeOp(node.op, node.attributes, ids, 1)
        expect([...numbersIn(binding, result?.id ?? 0, yType)]).toEqual([value])
      }
    }
  })

  it("refuses tensors of other sizes than it was made for", here, () => {
    const plan = planOf({ samples: 2, tokens: 3, width: 4, out: 5 })
    const right = [24, 20, 5, 30]
    const inputs = right.map((size, i) => input(i, TF_TYPES.F32, [size])) as [never, never, never, never]
    const [x, weight, bias, addend] = inputs
    const output = { dtype: TF_TYPES.F32, shape: [6, 5] }
    const node = productNode(plan, { x, weight, bias, addend }, output, false, binding)
    const run = (sizes: readonly number[]) => {
      const ids = sizes.map((size) => binding.createTensor([size], TF_TYPES.F32, new Float32Array(size)))
      return binding.executeOp(node.op, node.attributes, ids, 1)
    }
    expect(run(right)[0]?.shape).toEqual([6, 5])
    for (const wrong of [0, 1, 2, 3]) {
      for (const change of [-1, 1]) {
        const sizes = right.map((size, i) => (i === wrong ? size + change : size))
        expect(() => run(sizes)).toThrow("LlliteProduct: a tensor has other numbers than the node names")
      }
    }
  })

  it("gives the same bytes on one thread and on several", here, () => {
    const { found } = findTensorflow()
    const products = BOTH.flatMap((contractsRows) => [
      { tokens: 70, width: 300, out: 1000, contractsRows },
      { tokens: 300, width: 64, out: 97, contractsRows, xColumns: true, yColumns: true },
    ])
    const nodes = products.map((product) => {
      const plan = planOf(product)
      const [x, weight] = [plan.tokens * plan.width, plan.width * plan.out].map((size, i) =>
        input(i, TF_TYPES.F32, [size]),
      ) as [never, never]
      const output = { dtype: TF_TYPES.F32, shape: [plan.tokens * plan.out] }
      return { ...productNode(plan, { x, weight, bias: null, addend: null }, output, false, binding), outputs: [] }
    })
    const files = [found?.binding ?? "", join(dirname(found?.binding ?? ""), KERNELS_FILE)]
    const bytesWith = (threads: number): string => {
      const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3", TF_NUM_INTRAOP_THREADS: String(threads) }
      const given = JSON.stringify({ files, instructions, nodes })
      const { stdout, stderr } = spawnSync(process.execPath, ["-e", PROGRAM, given], { env, encoding: "utf8" })
      expect(stdout, stderr).toMatch(/^([0-9a-f]{64} ){4}$/)
      return stdout
    }
    const [one, ...others] = [1, 2, 3, 5].map(bytesWith)
    for (const other of others) expect(other).toBe(one)
  })
})

/** Runs products on numbers that are always the same, and writes the hashes of the results. */
const PROGRAM = `
const { files, instructions, nodes } = JSON.parse(process.argv[1])
const binding = require(files[0])
require(files[1]).use(instructions)
for (const { op, attributes, inputs } of nodes) {
  const ids = inputs.map(({ type }) => {
    const values = Float32Array.from({ length: type.shape[0] }, (_, i) => Math.sin(i * i))
    return binding.createTensor(type.shape, type.dtype, values)
  })
  const [{ id }] = binding.executeOp(op, attributes, ids, 1)
  const hash = require("node:crypto").createHash("sha256").update(binding.tensorDataSync(id))
  process.stdout.write(hash.digest("hex") + " ")
}`
