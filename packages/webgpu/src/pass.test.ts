import { createLllite, llliteTap, prepareControl, type UnetInput, unet, uploadLllite } from "@lllite/core/models"
import { createComposedOps, type Ops, type RepeatedPass } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { countCalls } from "../../../bench/card/measure/counts.mjs"
import { createSyntheticUnet, SMALL_UNET } from "../../core/test/synthetic-sdxl.ts"
import { longOnly, needsAll } from "../../format/test/needs.ts"
import { needsAdapter, start } from "../test/start.ts"
import { createWebgpuOps, type WebgpuDevice } from "./index.ts"

function normal<T extends tf.Tensor>(name: string, shape: readonly number[]): T {
  return tf.tensor(createStream(1, name).normal(tf.util.sizeFromShape([...shape])), [...shape]) as T
}

describe("passes that are repeated on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  let runPass: NonNullable<Ops["runPass"]>
  beforeAll(async () => {
    webgpu = await start()
    const { runPass: own, ...others } = createWebgpuOps(createComposedOps())
    if (own === undefined) throw new Error("the ops have no runPass")
    ops = others
    runPass = own
  })
  afterAll(() => webgpu.dispose())

  /** A pass of a few ops, with a constant that it uploads. It counts how often it ran op by op. */
  function passOf(weight: tf.Tensor, factor: number): (x: tf.Tensor) => RepeatedPass<tf.Tensor> & { runs: number } {
    const pass = {
      ...{ key: `test ${factor}`, inputs: [] as tf.Tensor[], reads: [weight], runs: 0 },
      run([x]: readonly tf.Tensor[]) {
        pass.runs += 1
        const h = ops.relu(tf.add(x as tf.Tensor, weight))
        return ops.silu(tf.add(tf.mul(h, tf.tensor1d([factor, 2 * factor])), x as tf.Tensor))
      },
    }
    return (x) => Object.assign(pass, { inputs: [x] })
  }

  it("have the values of a run op by op, and keep no tensor", async () => {
    const before = tf.memory().numTensors
    const weight = normal("weight", [3, 2])
    const [pass, plain] = [passOf(weight, 3), passOf(weight, 3)]
    const results: tf.Tensor[] = []
    const expected: tf.Tensor[] = []
    for (let i = 0; i < 5; i++) {
      tf.tidy(() => {
        const x = normal(`x ${i}`, [3, 2])
        const { inputs, run } = plain(x)
        expected.push(tf.keep(run(inputs)))
        results.push(tf.keep(runPass(pass(x))))
      })
    }
    // Results that were made earlier have not changed.
    for (const [i, result] of results.entries()) expect(await result.data()).toEqual(await expected[i]?.data())
    expect(pass(weight).runs).toBe(2)
    tf.dispose([...results, ...expected, weight])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("hold little more than their tensors take at one time, although these differ in size", async () => {
    const inUse = (): number => (tf.memory() as tf.MemoryInfo & { numBytesInGPU: number }).numBytesInGPU
    const [unit, most] = [4096, 8]
    const x = normal("x", [most * unit])
    const run = ([read]: readonly tf.Tensor[]): tf.Tensor => {
      let last: tf.Tensor | null = null
      for (let size = most; size > 0; size--) {
        const part = tf.slice(read as tf.Tensor, [0], [size * unit])
        const next = ops.silu(part)
        tf.dispose([part, ...(last === null ? [] : [last])])
        last = next
      }
      return last as tf.Tensor
    }
    const expected = run([x])
    const before = inUse()
    for (let i = 0; i < 4; i++) {
      const y = runPass({ key: "sizes", inputs: [x], reads: [], run })
      expect(await y.data()).toEqual(await expected.data())
      y.dispose()
    }
    // The copy of x, the largest result, and the part and the result after it. Two buffers of each size would be 80 units.
    expect(inUse() - before).toBeGreaterThanOrEqual(4 * unit * (8 + 8 + 7 + 7))
    expect(inUse() - before).toBeLessThan(4 * unit * 40)
    tf.dispose([x, expected])
  })

  it("are recorded anew for another thing that they read, and for inputs of another shape", async () => {
    const [one, other] = [normal("one", [3, 2]), normal("other", [3, 2])]
    const [wide, narrow] = [normal("wide", [3, 2]), normal("narrow", [1, 2])]
    for (const weight of [one, other]) {
      for (const x of [wide, narrow, wide, narrow, wide, narrow]) {
        const pass = passOf(weight, 5)(x)
        const [got, expected] = [runPass(pass), pass.run(pass.inputs)]
        expect(await got.data()).toEqual(await expected.data())
        tf.dispose([got, expected])
      }
    }
    tf.dispose([one, other, wide, narrow])
  })

  it("run op by op where a command is not this package's, or a tensor outlives the pass", async () => {
    const kept: tf.Tensor[] = []
    const x = normal("x", [4, 4])
    const passes = [
      (x: tf.Tensor) => tf.add(tf.cumsum(x, 0), 1),
      (x: tf.Tensor) => {
        kept.push(tf.keep(tf.add(x, 1)))
        return tf.mul(x, 2)
      },
    ]
    for (const [i, run] of passes.entries()) {
      for (let round = 0; round < 4; round++) {
        const y = runPass({ key: `other ${i}`, inputs: [x], reads: [], run: ([x]) => run(x as tf.Tensor) })
        const expected = run(x)
        expect(await y.data()).toEqual(await expected.data())
        tf.dispose([y, expected])
      }
    }
    expect(kept).toHaveLength(8)
    const values = await Promise.all(kept.map((tensor) => tensor.data()))
    expect(values.every((each) => each.every((value, i) => value === values[0]?.[i]))).toBe(true)
    tf.dispose([x, ...kept])
  })

  it("leave no record behind when they fail", async () => {
    const x = normal("x", [3, 2])
    let fails = false
    const failing = { key: "failing", inputs: [x], reads: [] }
    const run = ([x]: readonly tf.Tensor[]): tf.Tensor => {
      const y = tf.add(x as tf.Tensor, 1)
      if (fails) throw new Error("no more")
      return y
    }
    runPass({ ...failing, run }).dispose()
    fails = true
    const before = tf.memory().numTensors
    expect(() => tf.tidy(() => runPass({ ...failing, run }))).toThrow("no more")
    expect(tf.memory().numTensors).toBe(before)
    fails = false
    const y = runPass({ ...failing, run })
    expect(await y.data()).toEqual(await x.add(1).data())
    tf.dispose([x, y])
  })

  it("give their buffers back when the device is trimmed, and are recorded again", async () => {
    const memory = (): number => (tf.memory() as unknown as { numBytesInGPU: number }).numBytesInGPU
    const x = normal("x", [512, 512])
    const again = (): tf.Tensor =>
      runPass({ key: "large", inputs: [x], reads: [], run: ([x]) => ops.silu(ops.relu(x as tf.Tensor)) })
    // This uploads it.
    tf.add(x, 1).dispose()
    webgpu.trim()
    const before = memory()
    for (let i = 0; i < 3; i++) again().dispose()
    expect(memory() - before).toBeGreaterThanOrEqual(2 * 4 * x.size)
    webgpu.trim()
    expect(memory()).toBe(before)
    const expected = ops.silu(ops.relu(x))
    for (let i = 0; i < 3; i++) {
      const y = again()
      expect(await y.data()).toEqual(await expected.data())
      y.dispose()
    }
    tf.dispose([x, expected])
  })

  it("are a U-Net's, with the same bits for other inputs", needsAll(needsAdapter, longOnly), async () => {
    const params = await createSyntheticUnet(ops)
    const stream = createStream(1, "lllite")
    const model = createLllite(enumerateSites(SMALL_UNET.layout), { condDim: 8, mlpDim: 16 }, stream)
    const lllite = uploadLllite({ ...model, values: stream.normal(model.values.length).map((value) => value / 10) })
    const images = { count: 1, height: 64, width: 64, data: stream.normal(64 * 64 * 3) }
    const control = prepareControl(ops, lllite, images)
    const middle = normal<tf.Tensor4D>("middle", [1, 2, 2, 128])
    const inputs = [0, 1, 2, 3].map(
      (i): UnetInput => ({
        latents: normal(`latents ${i}`, [1, 8, 8, 4]),
        timesteps: [900 - 200 * i],
        context: normal(`context ${i}`, [1, 77, SMALL_UNET.contextDim]),
        vector: normal(`vector ${i}`, [1, SMALL_UNET.pooledDim + 1536]),
      }),
    )
    for (const strength of [0.5, 1]) {
      const options = {
        tap: llliteTap(ops, lllite, control, strength),
        residuals: { skips: Array.from({ length: 9 }, () => null), middle },
      }
      for (const [i, input] of inputs.entries()) {
        const expected = unet(ops, params, input, options)
        const stop = countCalls()
        const y = unet({ ...ops, runPass }, params, input, options)
        const { bindGroups, pipelines } = stop()
        if (i > 1) expect({ bindGroups, pipelines }).toEqual({ bindGroups: 0, pipelines: 0 })
        expect(await y.data()).toEqual(await expected.data())
        tf.dispose([y, expected])
      }
    }
  })
})
