import { createStream } from "@lllite/core/random"
import { createAdamWState, stepAdamW } from "@lllite/core/training"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasAdapter, start } from "../../test/start.ts"
import { createWebgpuAdamW, type WebgpuDevice } from "../index.ts"

/** No multiple of a workgroup. */
const COUNT = 1001
const OPTIONS = { learningRate: 1e-2, weightDecay: 0.1 }

/** From 1e-6 to 1e2 in size, and zeros. */
function gradientsAt(step: number, count = COUNT): Float32Array {
  const sizes = createStream(1, "sizes").uniform(count)
  return createStream(1, "gradients")
    .normal(count, { index: step })
    .map((value, i) => (i % 50 === 0 ? 0 : value * 10 ** (8 * (sizes[i] as number) - 6)))
}

describe.skipIf(!hasAdapter)("AdamW on WebGPU", () => {
  let webgpu: WebgpuDevice
  beforeAll(async () => {
    webgpu = await start()
  })
  afterAll(() => webgpu.dispose())

  const begin = (): Float32Array => createStream(1, "parameters").normal(COUNT)

  /** Updates from `from` to `to`. */
  function take(optimizer: ReturnType<typeof createWebgpuAdamW>, from: number, to: number): void {
    for (let step = from; step < to; step++) {
      const gradients = tf.tensor1d(gradientsAt(step))
      optimizer.step(gradients, OPTIONS)
      gradients.dispose()
    }
  }

  it("takes the host's steps, in float32", async () => {
    const [expected, state] = [begin(), createAdamWState(COUNT)]
    for (let step = 0; step < 20; step++) stepAdamW(expected, gradientsAt(step), state, OPTIONS)
    const before = tf.memory().numTensors
    const optimizer = createWebgpuAdamW(begin(), createAdamWState(COUNT))
    take(optimizer, 0, 20)
    const got = await optimizer.read()
    optimizer.dispose()
    expect(tf.memory().numTensors).toBe(before)
    expect(got.state.step).toBe(20)
    // Of parameters up to 4, moved by 1e-2 a step; of means and squares, of each by itself.
    for (const [i, value] of got.parameters.entries())
      expect(Math.abs(value - (expected[i] as number))).toBeLessThan(4e-6)
    for (const name of ["m", "v"] as const) {
      for (const [i, value] of got.state[name].entries()) {
        const wanted = state[name][i] as number
        const greatest = name === "m" ? Math.sqrt(state.v[i] as number) : wanted
        expect(Math.abs(value - wanted)).toBeLessThanOrEqual(5e-6 * greatest)
      }
    }
    expect(got.parameters).not.toEqual(begin())
  })

  it("continues bit for bit from what was read, and reads without disturbing", async () => {
    const whole = createWebgpuAdamW(begin(), createAdamWState(COUNT))
    take(whole, 0, 7)
    const saved = await whole.read()
    const resumed = createWebgpuAdamW(saved.parameters, saved.state)
    // What was given is the caller's.
    const copy = saved.parameters.slice()
    for (const optimizer of [whole, resumed]) take(optimizer, 7, 15)
    expect(saved.parameters).toEqual(copy)
    const [one, other] = [await whole.read(), await resumed.read()]
    expect(new Uint8Array(other.parameters.buffer)).toEqual(new Uint8Array(one.parameters.buffer))
    expect(other).toEqual(one)
    expect(other.state.step).toBe(15)
    expect(other.parameters).not.toEqual(copy)
    whole.dispose()
    resumed.dispose()
  })

  it("takes one dispatch for every update", async () => {
    const count = 100_003
    const parameters = new Float32Array(count).fill(1)
    const optimizer = createWebgpuAdamW(parameters, createAdamWState(count))
    const gradients = tf.fill([count], 1)
    await gradients.data()
    let dispatches = 0
    const { createBindGroup } = webgpu.device
    webgpu.device.createBindGroup = function (...given) {
      dispatches += 1
      return createBindGroup.apply(this, given)
    }
    optimizer.step(gradients, { learningRate: 0.5, weightDecay: 0 })
    webgpu.device.createBindGroup = createBindGroup
    const { parameters: got } = await optimizer.read()
    expect(dispatches).toBe(1)
    for (const at of [0, 65_536, count - 1]) expect(got[at]).toBeCloseTo(0.5, 5)
    optimizer.dispose()
    gradients.dispose()
  })

  it("refuses what does not fit, before anything changes", async () => {
    expect(() => createWebgpuAdamW(begin(), createAdamWState(3))).toThrow(/m has 3 values, the parameters have 1001/)
    const optimizer = createWebgpuAdamW(begin(), createAdamWState(COUNT))
    const [few, all] = [tf.zeros([3]), tf.ones([COUNT])]
    expect(() => optimizer.step(few, OPTIONS)).toThrow(/3 gradients, expected one for each of 1001/)
    expect(() => optimizer.step(all, { learningRate: -1 })).toThrow(/learningRate/)
    const { parameters, state } = await optimizer.read()
    expect([parameters, state.step]).toEqual([begin(), 0])
    optimizer.dispose()
    expect(() => optimizer.step(all, OPTIONS)).toThrow(/disposed/)
    await expect(optimizer.read()).rejects.toThrow(/disposed/)
    tf.dispose([few, all])
  })
})
