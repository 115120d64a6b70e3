import { createComposedOps } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { fromFloat32 } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsAdapter, start } from "../../test/start.ts"
import { openGpu } from "../gpu.ts"
import type { WebgpuDevice } from "../index.ts"
import { createWebgpuOps, tuneProducts, WebgpuOpsError } from "../index.ts"
import { createDense } from "./dense.ts"
import { CANDIDATES, DEFAULT_TILES, fits, sharedBytes, threadsOf } from "./tiles.ts"

const LEAST = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16_384 }

function normal(shape: number[]): tf.Tensor {
  return tf.tensor(createStream(1, shape.join()).normal(tf.util.sizeFromShape(shape)), shape)
}

describe("tiles of products", () => {
  it("fit every device that WebGPU runs on, unless they are tried only where they fit", () => {
    for (const tile of [DEFAULT_TILES.large, ...CANDIDATES.small]) expect(fits(tile, LEAST)).toBe(true)
    for (const tile of [...CANDIDATES.large, ...CANDIDATES.small]) {
      expect(fits(tile, { ...LEAST, maxComputeWorkgroupStorageSize: 32_768 })).toBe(true)
      expect([tile.tileM % tile.m, tile.tileN % tile.n, tile.m % 4, tile.n % 4, tile.tileK % 4]).toEqual([
        0, 0, 0, 0, 0,
      ])
    }
    const widest = { tileM: 128, tileN: 128, tileK: 16, m: 8, n: 8 }
    expect(sharedBytes(widest)).toBe(16_896)
    expect(fits(widest, LEAST)).toBe(false)
    const { large } = DEFAULT_TILES
    expect(fits(large, { ...LEAST, maxComputeInvocationsPerWorkgroup: threadsOf(large) - 1 })).toBe(false)
    expect(fits({ ...large, tileK: 64 }, LEAST)).toBe(false)
  })
})

describe("products on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  beforeAll(async () => {
    webgpu = await start()
  })
  afterAll(() => webgpu.dispose())

  const tiles = [...CANDIDATES.large, ...CANDIDATES.small].map((tile) => [JSON.stringify(tile), tile] as const)
  it.each(tiles)("are right with %s", async (_, tile) => {
    // The tests' drivers have the memory of the widest.
    expect(fits(tile, openGpu().limits)).toBe(true)
    const [base, dense] = [createComposedOps().dense, createDense(openGpu({ large: tile, small: tile, half: false }))]
    // Results by four and by one, with tiles that cross every edge.
    for (const out of [76, 77]) {
      const [x, weight, bias] = [normal([70, 20]), normal([20, out]), normal([out])] as const
      const dy = normal([70, out])
      const results = [base, dense].map((dense) =>
        tf.tidy(() => [
          dense(x, weight, bias),
          ...(out === 76
            ? tf.grads((x, weight, bias) => dense(x, weight, bias as tf.Tensor))([x, weight, bias], dy)
            : []),
        ]),
      )
      const [expected = [], got = []] = await Promise.all(
        results.map((list) => Promise.all(list.map((tensor) => tensor.data<"float32">()))),
      )
      for (const [i, values] of got.entries()) {
        const apart = values.map((value, at) => Math.abs(value - (expected[i]?.[at] ?? Number.NaN)))
        // Sums of 77 products at most, of normal numbers.
        expect(apart.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(1e-4)
        expect(values).toHaveLength(expected[i]?.length ?? 0)
      }
      tf.dispose([x, weight, bias, dy, ...results.flat()])
    }
  })

  it("hold float16 weights in 16 bits with the same result", async (context) => {
    if (!openGpu().features.float16) return context.skip("needs an adapter with float16")
    const values = createStream(1, "weight").normal(76 * 70)
    const read = async (): Promise<Uint8Array> => fromFloat32(values, "F16")
    const run = async (half: boolean): Promise<ArrayLike<number>[]> => {
      const ops = createWebgpuOps(createComposedOps(), { tiles: { ...DEFAULT_TILES, half } })
      const weight = await ops.load.linear({ name: "weight", dtype: "F16", shape: [76, 70], read }, null)
      const x = normal([75, 70])
      const results = tf.tidy(() => {
        const value = ops.linear(x, weight)
        return [value, tf.grad((x: tf.Tensor) => ops.linear(x, weight))(x, value)]
      })
      const got = await Promise.all(results.map((tensor) => tensor.data()))
      weight.dispose()
      tf.dispose([x, ...results])
      return got
    }
    const whole = await run(false)
    expect(await run(true)).toEqual(whole)
    expect(new Set(whole.flatMap((values) => [...Array.from(values)])).size).toBeGreaterThan(10_000)
  })

  it("are tuned to the device, and only tuned tiles are accepted", async () => {
    const tiles = await tuneProducts()
    expect(CANDIDATES.large).toContainEqual(tiles.large)
    expect(CANDIDATES.small).toContainEqual(tiles.small)
    // The same value, read from JSON.
    const kept = JSON.parse(JSON.stringify(tiles)) as typeof tiles
    expect(() => createWebgpuOps(createComposedOps(), { tiles: kept })).not.toThrow()
    expect(() => createWebgpuOps(createComposedOps(), { tiles: { ...kept, half: 1 as never } })).toThrow(WebgpuOpsError)
    const strange = { ...kept, small: { ...kept.small, tileK: 12 } }
    expect(() => createWebgpuOps(createComposedOps(), { tiles: strange })).toThrow(WebgpuOpsError)
    expect(() => createWebgpuOps(createComposedOps(), { tiles: {} as typeof tiles })).toThrow(/tiles of this release/)
    expect(tf.memory().numTensors).toBe(0)
  })
})
