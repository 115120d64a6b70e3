import { createComposedOps } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsAdapter, start } from "../../test/start.ts"
import type { WebgpuDevice } from "../device/start.ts"
import { createWebgpuOps } from "../webgpu-ops.ts"

const OPERATORS = { add: tf.add, sub: tf.sub, mul: tf.mul } as const

describe("kernels in place of tfjs's", needsAdapter, () => {
  let webgpu: WebgpuDevice
  beforeAll(async () => {
    webgpu = await start()
    createWebgpuOps(createComposedOps())
  })
  afterAll(() => webgpu.dispose())

  const values = (name: string, shape: readonly number[]): Float32Array =>
    createStream(3, name).normal(tf.util.sizeFromShape([...shape]))

  /** A tensor that is on the device. */
  const onDevice = (name: string, shape: number[]): tf.Tensor => tf.relu(tf.abs(tf.tensor(values(name, shape), shape)))

  /** The operator by the rules of shapes, in float64. */
  function expected(
    operator: keyof typeof OPERATORS,
    [a, aShape]: readonly [ArrayLike<number>, readonly number[]],
    [b, bShape]: readonly [ArrayLike<number>, readonly number[]],
    shape: readonly number[],
  ): number[] {
    const at = (own: readonly number[], place: readonly number[]): number =>
      own.reduce((sum, size, axis) => sum * size + (size === 1 ? 0 : (place[shape.length - own.length + axis] ?? 0)), 0)
    return Array.from({ length: tf.util.sizeFromShape([...shape]) }, (_, i) => {
      const place = tf.util.indexToLoc(i, shape.length, tf.util.computeStrides([...shape]))
      const [x, y] = [a[at(aShape, place)] ?? Number.NaN, b[at(bShape, place)] ?? Number.NaN]
      return operator === "add" ? x + y : operator === "sub" ? x - y : x * y
    })
  }

  it.each([
    ["alike", [2, 3, 5, 8], [2, 3, 5, 8]],
    ["alike, not by four", [3, 5, 7], [3, 5, 7]],
    ["a value for each sample and channel", [2, 3, 5, 8], [2, 1, 1, 8]],
    ["a value for each channel, not by four", [2, 3, 5, 7], [7]],
    ["a value for each sample", [4, 1, 1], [4, 6, 8]],
    ["a value for each row", [4, 6, 1], [4, 6, 8]],
    ["each along another axis", [5, 1, 4], [1, 3, 4]],
    ["each along another axis, the last one", [5, 1], [1, 6]],
    ["one value", [1], [6, 9]],
    ["five axes that alternate", [2, 1, 3, 1, 4], [1, 5, 3, 2, 4]],
  ] as const)("compute operands of these shapes: %s", async (_, aShape, bShape) => {
    const [a, b] = [onDevice("a", [...aShape]), onDevice("b", [...bShape])]
    const [aValues, bValues] = [await a.data(), await b.data()]
    for (const operator of ["add", "sub", "mul"] as const) {
      for (const turned of [false, true]) {
        const y = turned ? OPERATORS[operator](b, a) : OPERATORS[operator](a, b)
        const pair = [
          [aValues, aShape],
          [bValues, bShape],
        ] as const
        const [first, second] = turned ? [pair[1], pair[0]] : pair
        const right = expected(operator, first, second, y.shape)
        const got = await y.data()
        expect(got.length).toBe(right.length)
        for (const [i, value] of got.entries()) expect(value).toBeCloseTo(right[i] as number, 5)
        y.dispose()
      }
    }
    tf.dispose([a, b])
  })

  it("take a number from the host, and another one after it", async () => {
    const x = onDevice("x", [3, 4])
    const own = await x.data()
    for (const number of [0.5, -3]) {
      const y = tf.mul(number, x)
      expect(await y.data()).toEqual(Float32Array.from(own, (value) => Math.fround(value * number)))
      y.dispose()
    }
    x.dispose()
  })

  it("take values in shared memory, in which workers have theirs", async () => {
    const shared = new Float32Array(new SharedArrayBuffer(48))
    shared.set(values("shared", [12]))
    const x = tf.tensor(shared, [3, 4])
    const y = tf.add(onDevice("x", [3, 4]), x)
    expect((await y.data()).every(Number.isFinite)).toBe(true)
    expect([...(await x.data())]).toEqual([...shared])
    tf.dispose([x, y])
  })

  it("leave other dtypes to tfjs", async () => {
    const a = tf.tensor1d([1, 2, 3, 4], "int32")
    const big = tf.tile(a, [600])
    const sum = tf.add(big, big)
    expect(sum.dtype).toBe("int32")
    expect((await sum.data()).slice(0, 5)).toEqual(Int32Array.of(2, 4, 6, 8, 2))
    tf.dispose([a, big, sum])
  })

  it.each([
    [
      "channels by four",
      [
        [2, 3, 8],
        [2, 3, 4],
      ],
      2,
    ],
    [
      "channels, not by four",
      [
        [2, 3, 5],
        [2, 3, 4],
        [2, 3, 1],
      ],
      2,
    ],
    [
      "rows",
      [
        [2, 3, 4],
        [2, 1, 4],
      ],
      1,
    ],
    ["more tensors than a dispatch joins, one of them empty", [[3], [5], [0], [1], [2], [4], [7], [6], [9]], 0],
  ] as const)("join and cut again: %s", async (_, shapes, axis) => {
    const parts = shapes.map((shape, i) => onDevice(`part ${i}`, [...shape]))
    const joined = tf.concat(parts, axis)
    const lengths = shapes.map((shape) => shape[axis as 0])
    expect(joined.shape[axis]).toBe(lengths.reduce<number>((sum, length) => sum + length, 0))
    const cut = tf.split(joined, [...lengths], axis)
    for (const [i, part] of cut.entries()) {
      expect(part.shape).toEqual(parts[i]?.shape)
      expect([...(await part.data())]).toEqual([...((await parts[i]?.data()) ?? [])])
    }
    // The first row of the result has the parts' first rows, one after another.
    const rows = await joined.data()
    const inner = tf.util.sizeFromShape(joined.shape.slice(axis))
    const first = (await Promise.all(parts.map((part) => part.data()))).flatMap((data, i) => [
      ...data.slice(0, tf.util.sizeFromShape((shapes[i] ?? []).slice(axis) as number[])),
    ])
    expect([...rows.slice(0, inner)]).toEqual(first)
    tf.dispose([...parts, joined, ...cut])
  })

  it("multiply by values that were cast from bool, and cut them", async () => {
    const x = tf.sub(onDevice("x", [3, 8]), 0.5)
    const own = await x.data()
    const positive = tf.cast(tf.greater(x, 0), "float32")
    const y = tf.mul(x, positive)
    const half = tf.slice(positive, [0, 4], [3, 4])
    expect(await y.data()).toEqual(Float32Array.from(own, (value) => value * (value > 0 ? 1 : 0)))
    expect([...(await half.data())]).toEqual(
      [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23].map((i) => ((own[i] ?? 0) > 0 ? 1 : 0)),
    )
    const ops = createWebgpuOps(createComposedOps())
    expect(() => ops.relu(positive)).toThrow("a tensor was cast from bool and still has bool values, expected float32")
    tf.dispose([x, positive, y, half])
  })

  it("cut a part along one axis, and leave parts along two to tfjs", async () => {
    const x = onDevice("x", [3, 4, 8])
    const own = await x.data()
    const at = (i: number, j: number, k: number): number => own[(i * 4 + j) * 8 + k] ?? Number.NaN
    const middle = tf.slice(x, [0, 1, 0], [3, 2, 8])
    expect(await middle.data()).toEqual(
      Float32Array.from({ length: 48 }, (_, i) => at(Math.floor(i / 16), 1 + (Math.floor(i / 8) % 2), i % 8)),
    )
    const corner = tf.slice(x, [1, 2, 3], [-1, 1, 2])
    expect(corner.shape).toEqual([2, 1, 2])
    expect(await corner.data()).toEqual(Float32Array.of(at(1, 2, 3), at(1, 2, 4), at(2, 2, 3), at(2, 2, 4)))
    tf.dispose([x, middle, corner])
  })
})
