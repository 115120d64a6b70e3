import { createComposedOps } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { gpu, needsAdapter, start } from "../../test/start.ts"
import { WebgpuDeviceError, WebgpuLimitError, WebgpuOpsError } from "../errors.ts"
import { createWebgpuOps } from "../webgpu-ops.ts"
import { startWebgpu, type WebgpuDevice } from "./start.ts"

/** The error of a function or of its promise. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return null
}

it("refuses options of another kind before it asks for an adapter", async () => {
  const none = { requestAdapter: async () => null } as unknown as GPU
  for (const options of [null, 7, { software: "yes" }, { feature: [] }]) {
    await expect(startWebgpu(none, options as never)).rejects.toMatchObject({ name: "CoreError" })
    expect(() => createWebgpuOps(createComposedOps(), options as never)).toThrow("WebGPU ops: ")
  }
})

describe("the WebGPU backend", needsAdapter, () => {
  let webgpu: WebgpuDevice
  beforeEach(async () => {
    webgpu = await start()
  })
  afterEach(() => webgpu.dispose())

  it("takes a software adapter only with its option", async (context) => {
    if (!webgpu.software) return context.skip("needs an adapter that computes on the CPU")
    await expect(startWebgpu(gpu)).rejects.toThrow(/only an adapter that computes on the CPU/)
  })

  it("runs this package's commands and tfjs's in their order", async () => {
    const ops = createWebgpuOps(createComposedOps())
    // More than one submit of either: 3 · 40 dispatches, each on the result of the one before.
    const y = tf.tidy(() => {
      let h: tf.Tensor = tf.fill([2000], -1)
      for (let i = 0; i < 40; i++) h = tf.sub(ops.relu(tf.add(ops.relu(h), 2)), 1)
      return h
    })
    expect(new Set(await y.data())).toEqual(new Set([40]))
  })

  it("refuses a tensor that cannot be bound, also of tfjs, and leaves nothing behind", async () => {
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
    const rows = tf.add(tf.zeros([65_536, 1]), tf.zeros([1, 2]))
    expect(await errorOf(() => tf.softmax(rows))).toBeInstanceOf(WebgpuLimitError)
  })

  it("refuses to read synchronously", async () => {
    const y = tf.mul(tf.fill([5000], 1), 2)
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

  it("frees idle buffers when trimmed", async () => {
    const allocated = (): number =>
      (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU
    const kept = tf.fill([512, 1024], 1)
    const small = 10_000
    for (const size of [small, 300_000, 400_000]) tf.tidy(() => void tf.mul(tf.fill([size], 1), 2))
    const before = allocated()
    webgpu.trim()
    expect(before - allocated()).toBe(2 * 4 * 700_000)
    expect((await kept.add(1).data())[0]).toBe(2)
    // The next trim frees what one trim has kept.
    const rest = allocated()
    kept.dispose()
    webgpu.trim()
    expect(rest - allocated()).toBe(4 * 512 * 1024 + 4 * 512 * 1024)
  })
})

describe("ops for WebGPU", () => {
  it("are refused on another backend", async () => {
    await tf.setBackend("cpu")
    expect(() => createWebgpuOps(createComposedOps())).toThrow(WebgpuOpsError)
  })
})
