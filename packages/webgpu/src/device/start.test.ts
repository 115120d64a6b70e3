import { createAdamWState, createComposedOps, stepAdamW } from "@lllite/core"
import * as tf from "@tensorflow/tfjs-core"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { gpu, hasAdapter, start } from "../../test/start.ts"
import { WebgpuDeviceError, WebgpuLimitError, WebgpuOpsError } from "../errors.ts"
import { createWebgpuOps } from "../webgpu-ops.ts"
import { startWebgpu, type WebgpuDevice } from "./start.ts"

/** The error that something throws, now or later. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return null
}

describe.skipIf(!hasAdapter)("the WebGPU backend", () => {
  let webgpu: WebgpuDevice
  beforeEach(async () => {
    webgpu = await start()
  })
  afterEach(() => webgpu.dispose())

  it("takes a software adapter only when asked for", async () => {
    if (!webgpu.software) return
    await expect(startWebgpu(gpu)).rejects.toThrow(/only an adapter that computes on the CPU/)
  })

  it("runs our commands and tfjs's in the order they were given", async () => {
    const ops = createWebgpuOps(createComposedOps())
    // More than one submit of either: 3 · 40 dispatches, each on the result of the one before.
    const y = tf.tidy(() => {
      let h: tf.Tensor = tf.fill([2000], -1)
      for (let i = 0; i < 40; i++) h = tf.sub(ops.relu(tf.add(ops.relu(h), 2)), 1)
      return h
    })
    expect(new Set(await y.data())).toEqual(new Set([40]))
  })

  it("refuses a tensor that cannot be bound, tfjs's too, and leaves nothing behind", async () => {
    const { maxStorageBufferBindingSize } = webgpu.device.limits
    const ops = createWebgpuOps(createComposedOps())
    const before = tf.memory().numTensors
    const side = Math.ceil(Math.sqrt(maxStorageBufferBindingSize / 4)) + 1
    const [column, row] = [tf.ones([side, 1]), tf.ones([1, side])]
    await expect(async () => tf.fill([maxStorageBufferBindingSize / 4 + 1], 1)).rejects.toThrow(WebgpuLimitError)
    await expect(async () => tf.tidy(() => ops.dense(column, row, null))).rejects.toThrow(/maxStorageBufferBindingSize/)
    tf.dispose([column, row])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("refuses tfjs's softmax where it is wrong", async () => {
    const rows = tf.zeros([65_536, 1]).add(tf.zeros([1, 2]))
    expect(await errorOf(() => tf.softmax(rows))).toBeInstanceOf(WebgpuLimitError)
  })

  it("reads asynchronously only", async () => {
    const y = tf.fill([5000], 1).mul(2)
    expect(() => y.dataSync()).toThrow(/await tensor\.data\(\)/)
    expect((await y.data())[4999]).toBe(2)
  })

  it("turns a command that the device refuses into an exception", async () => {
    const ops = createWebgpuOps(createComposedOps())
    const x = tf.ones([4])
    webgpu.device.createBuffer({ size: 4, usage: 0 })
    const error = await errorOf(async () => {
      await ops.relu(x).data()
      await ops.relu(x).data()
    })
    expect(error).toBeInstanceOf(WebgpuDeviceError)
    expect(error).toMatchObject({ lost: false, message: expect.stringMatching(/refused a command/) })
  })

  it("turns the loss of the device into an exception, and starts anew", async () => {
    const ops = createWebgpuOps(createComposedOps())
    const y = ops.relu(tf.ones([4]))
    webgpu.device.destroy()
    const onRead = await errorOf(() => y.data())
    expect(onRead).toBeInstanceOf(WebgpuDeviceError)
    expect(onRead).toMatchObject({ lost: true })
    expect(await errorOf(() => ops.relu(y))).toBeInstanceOf(WebgpuDeviceError)
    expect(await errorOf(() => tf.add(y, y))).toBeInstanceOf(WebgpuDeviceError)

    webgpu = await start()
    expect(await errorOf(() => ops.relu(tf.ones([4])))).toMatchObject({ message: /created on another one/ })
    const fresh = createWebgpuOps(createComposedOps())
    expect([...(await fresh.relu(tf.tensor1d([-1, 2, 3])).data())]).toEqual([0, 2, 3])
  })

  it("continues a run on a new device where the lost one left it, bit for bit", async () => {
    const x = [0.5, -1, 2, 0.25, -0.75, 1.5]
    /** Steps of a layer that learns to give zeros; the state lives on the host, as a training run's does. */
    const train = async (run: { values: Float32Array; state: ReturnType<typeof createAdamWState> }, steps: number) => {
      const ops = createWebgpuOps(createComposedOps())
      for (let step = 0; step < steps; step++) {
        const [input, weight] = [tf.tensor2d(x, [2, 3]), tf.tensor2d(run.values, [3, 2])]
        const slope = tf.tidy(() => tf.grad((weight: tf.Tensor) => ops.relu(ops.dense(input, weight, null)))(weight))
        stepAdamW(run.values, (await slope.data()) as Float32Array, run.state, { learningRate: 0.1 })
        tf.dispose([input, weight, slope])
      }
    }
    const begin = (): Parameters<typeof train>[0] => ({
      values: Float32Array.of(1, 0.5, -0.25, 0.75, 2, 1),
      state: createAdamWState(6),
    })
    const whole = begin()
    await train(whole, 3)

    const resumed = begin()
    await train(resumed, 1)
    webgpu.device.destroy()
    expect(await errorOf(() => train(resumed, 2))).toMatchObject({ lost: true })
    webgpu = await start()
    await train(resumed, 2)
    expect(resumed).toEqual(whole)
    expect(resumed.values).not.toEqual(begin().values)
  })

  it("gives idle buffers back when trimmed", async () => {
    const allocated = (): number =>
      (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU
    const kept = tf.fill([64, 1024], 1)
    for (const size of [10_000, 20_000, 30_000]) tf.tidy(() => void tf.mul(tf.fill([size], 1), 2))
    const before = allocated()
    webgpu.trim()
    expect(before - allocated()).toBeGreaterThanOrEqual(2 * 4 * 60_000)
    expect((await kept.add(1).data())[0]).toBe(2)
  })
})

describe("ops for WebGPU", () => {
  it("are refused on another backend", async () => {
    await tf.setBackend("cpu")
    expect(() => createWebgpuOps(createComposedOps())).toThrow(WebgpuOpsError)
  })
})
