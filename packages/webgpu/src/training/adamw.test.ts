import { createStream } from "@lllite/core/random"
import { initOptimizer, loadOptimizer, OPTIMIZERS, type OptimizerState, settingsOf } from "@lllite/core/training"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { countCalls } from "../../../../bench/card/measure/counts.mjs"
import { needsAdapter, start } from "../../test/start.ts"
import { createWebgpuAdamW, loadWebgpuOptimizer, type WebgpuAdamW, type WebgpuDevice } from "../index.ts"

/** Not a multiple of a workgroup. */
const COUNT = 1001
const CHOICE = { name: "adamw", weightDecay: 0.1 } as const
const LEARNING_RATE = 1e-2

/** Gradients from 1e-6 to 1e2 in size, and zeros. */
function gradientsAt(step: number, count = COUNT): Float32Array {
  const sizes = createStream(1, "sizes").uniform(count)
  return createStream(1, "gradients")
    .normal(count, { index: step })
    .map((value, i) => (i % 50 === 0 ? 0 : value * 10 ** (8 * (sizes[i] as number) - 6)))
}

describe("AdamW on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  beforeAll(async () => {
    webgpu = await start()
  })
  afterAll(() => webgpu.dispose())

  const begin = (): Float32Array => createStream(1, "parameters").normal(COUNT)
  const initial = (): OptimizerState => initOptimizer(CHOICE)
  const numbers = settingsOf(OPTIMIZERS.adamw, { weightDecay: 0.1 })

  /** Updates from `from` to `to`. */
  function take(optimizer: WebgpuAdamW, from: number, to: number): void {
    for (let step = from; step < to; step++) {
      const gradients = tf.tensor1d(gradientsAt(step))
      optimizer.step(gradients, LEARNING_RATE)
      gradients.dispose()
    }
  }

  // In Node 20, Dawn crashes if it reads shared memory.
  it("begins with values in shared memory, in which workers have theirs", async () => {
    const values = begin()
    const shared = new Float32Array(new SharedArrayBuffer(values.byteLength))
    shared.set(values)
    const optimizer = createWebgpuAdamW(shared, initial(), numbers)
    expect(await optimizer.read()).toEqual(values)
    optimizer.dispose()
  })

  it("takes the host's steps, in float32", async () => {
    const expected = begin()
    const host = loadOptimizer(expected, initial(), CHOICE)
    for (let step = 0; step < 20; step++) await host.step(gradientsAt(step), LEARNING_RATE)
    const { tensors } = await host.save()
    const before = tf.memory().numTensors
    const optimizer = createWebgpuAdamW(begin(), initial(), numbers)
    take(optimizer, 0, 20)
    const [values, state] = [await optimizer.read(), await optimizer.save()]
    optimizer.dispose()
    expect(tf.memory().numTensors).toBe(before)
    expect(state.step).toBe(20)
    // Tolerances: for values up to 4, which move by 1e-2 a step, and for means and squares, each relative to itself.
    for (const [i, value] of values.entries()) expect(Math.abs(value - (expected[i] as number))).toBeLessThan(4e-6)
    for (const name of ["m", "v"] as const) {
      for (const [i, value] of (state.tensors[name] as Float32Array).entries()) {
        const wanted = tensors[name]?.[i] as number
        const greatest = name === "m" ? Math.sqrt(tensors.v?.[i] as number) : wanted
        expect(Math.abs(value - wanted)).toBeLessThanOrEqual(5e-6 * greatest)
      }
    }
    expect(values).not.toEqual(begin())
  })

  it("continues bit for bit from its read values, and reading changes nothing", async () => {
    const whole = createWebgpuAdamW(begin(), initial(), numbers)
    take(whole, 0, 7)
    const [values, state] = [await whole.read(), await whole.save()]
    const resumed = createWebgpuAdamW(values, state, numbers)
    // The arrays are the caller's.
    const copy = values.slice()
    for (const optimizer of [whole, resumed]) take(optimizer, 7, 15)
    expect(values).toEqual(copy)
    expect(await resumed.read()).toEqual(await whole.read())
    const saved = await resumed.save()
    expect(saved).toEqual(await whole.save())
    expect(saved.step).toBe(15)
    expect(await resumed.read()).not.toEqual(copy)
    whole.dispose()
    resumed.dispose()
  })

  it("trains the values of the host", async () => {
    const [onDevice, values] = [createWebgpuAdamW(begin(), initial(), numbers), begin()]
    const before = tf.memory().numTensors
    const optimizer = await loadWebgpuOptimizer(values, initial(), CHOICE)
    take(onDevice, 0, 2)
    for (let step = 0; step < 2; step++) await optimizer.step(gradientsAt(step), LEARNING_RATE)
    expect(values).toEqual(await onDevice.read())
    expect(await optimizer.save()).toEqual(await onDevice.save())
    await expect(optimizer.step(new Float32Array(3), LEARNING_RATE)).rejects.toThrow(/3 gradients/)
    expect(tf.memory().numTensors).toBe(before)
    optimizer.dispose()
    onDevice.dispose()
  })

  it("takes one dispatch for every update", async () => {
    const count = 100_003
    const still = settingsOf(OPTIMIZERS.adamw, { weightDecay: 0 })
    const optimizer = createWebgpuAdamW(new Float32Array(count).fill(1), initial(), still)
    const gradients = tf.fill([count], 1)
    await gradients.data()
    const stop = countCalls()
    optimizer.step(gradients, 0.5)
    const { dispatches } = stop()
    const got = await optimizer.read()
    expect(dispatches).toBe(1)
    for (const at of [0, 65_536, count - 1]) expect(got[at]).toBeCloseTo(0.5, 5)
    optimizer.dispose()
    gradients.dispose()
  })

  it("refuses gradients and states that do not fit, before it changes anything", async () => {
    const list = new Float32Array(3)
    const short = { ...initial(), step: 1, tensors: { m: list, v: list } }
    expect(() => createWebgpuAdamW(begin(), short, numbers)).toThrow(/"m" has 3 values, expected 1001/)
    const optimizer = createWebgpuAdamW(begin(), initial(), numbers)
    const [few, all] = [tf.zeros([3]), tf.ones([COUNT])]
    expect(() => optimizer.step(few, LEARNING_RATE)).toThrow(/3 gradients, expected one for each of 1001/)
    expect(() => optimizer.step(all, -1)).toThrow(/learningRate/)
    expect(await optimizer.read()).toEqual(begin())
    expect((await optimizer.save()).step).toBe(0)
    optimizer.dispose()
    expect(() => optimizer.step(all, LEARNING_RATE)).toThrow(/disposed/)
    await expect(optimizer.read()).rejects.toThrow(/disposed/)
    await expect(optimizer.save()).rejects.toThrow(/disposed/)
    tf.dispose([few, all])
  })
})
