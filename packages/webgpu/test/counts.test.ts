import "@tensorflow/tfjs"
import { createNoiseSchedule } from "@lllite/core/diffusion"
import { createLllite, createTextKeyCache, type Sdxl, unet } from "@lllite/core/models"
import { createComposedOps, registerGradients } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { type CachedExample, LLLITE, objective } from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { create, globals } from "webgpu"
import { type CallCounts, countCalls } from "../../../bench/card/measure/counts.mjs"
import { createSyntheticUnet, SMALL_UNET } from "../../core/test/synthetic-sdxl.ts"
import { createWebgpuOps, startWebgpu, type WebgpuDevice } from "../src/index.ts"

/**
 * SDXL's layers, a tenth as wide. They ask for what the whole network asks for, except for parts of long sums.
 */
const LAYOUT = { ...SMALL_UNET.layout, transformerDepth: [0, 2, 10], middleDepth: 10 } as const

const SIDE = 128

/** Dawn without a driver: it checks every call, and computes nothing. */
const gpu = create(["backend=null"])

describe("what SDXL's layers ask of a device", () => {
  let webgpu: WebgpuDevice
  let sdxl: Sdxl
  /** The same network with values in float16 between its layers. */
  let narrow: Sdxl
  beforeAll(async () => {
    Object.assign(globalThis, globals)
    // Without a driver, a read gives whatever memory holds. Slopes that are not finite would be computed again.
    vi.spyOn(GPUBuffer.prototype, "getMappedRange").mockImplementation(function (this: GPUBuffer) {
      return new ArrayBuffer(this.size)
    })
    // Node has `navigator` from version 21 on.
    if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
    Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
    await registerGradients()
    webgpu = await startWebgpu(gpu, { software: true })
    const ops = createWebgpuOps(createComposedOps())
    sdxl = { ops, unet: await createSyntheticUnet(ops, { layout: LAYOUT }), prediction: "epsilon" } as Sdxl
    narrow = { ...sdxl, ops: createWebgpuOps(createComposedOps(), { precision: "F16" }) }
  })
  afterAll(() => {
    webgpu.dispose()
    vi.restoreAllMocks()
  })

  /** Calls of a run, after two runs that fill pools and caches. */
  async function countsOf(run: () => Promise<void>): Promise<CallCounts> {
    await run()
    await run()
    const stop = countCalls()
    await run()
    return stop()
  }

  it.each([
    // Dawn without a driver binds 8 buffers at once, the fewest of any device. Most cards bind more.
    ["F32", "a pass of its own", false, 989],
    ["F32", "a pass that has the text's keys and values of the pass before it", true, 960],
    // Two copies where the network begins, and one where it ends.
    ["F16", "a pass of its own", false, 992],
    ["F16", "a pass that has the text's keys and values of the pass before it", true, 963],
  ] as const)("is few submits and nothing new with precision %s in %s", async (precision, _, isKept, dispatches) => {
    const { ops, unet: params } = precision === "F16" ? narrow : sdxl
    const textKeys = isKept ? createTextKeyCache() : null
    const latents = tf.zeros<tf.Rank.R4>([1, SIDE / 8, SIDE / 8, 4])
    const context = tf.zeros<tf.Rank.R3>([1, 77, SMALL_UNET.contextDim])
    const vector = tf.zeros<tf.Rank.R2>([1, SMALL_UNET.pooledDim + 1536])
    const counts = await countsOf(async () => {
      const y = unet(ops, params, { latents, context, vector, timesteps: [500] }, { textKeys })
      await y.data()
      y.dispose()
    })
    expect(counts).toMatchObject({ pipelines: 0, bindGroups: 0, reads: 1, dispatches })
    expect(counts.submits).toBeLessThanOrEqual(8)
    textKeys?.dispose()
    tf.dispose([latents, context, vector])
  })

  it.each([
    ["F32", 3960, 25],
    // The copies at the ends of the network, and those of their slopes.
    ["F16", 3965, 27],
  ] as const)(
    "is one read, few submits and no new buffer with precision %s in a training step",
    async (precision, dispatches, submits) => {
      const stream = createStream(1, "counts")
      const model = createLllite(enumerateSites(LAYOUT), { condDim: 8, mlpDim: 16 }, stream)
      const example: CachedExample = {
        ...{ width: SIDE, height: SIDE },
        latents: new Float32Array((SIDE / 8) ** 2 * 4),
        context: new Float32Array(77 * SMALL_UNET.contextDim),
        vector: new Float32Array(SMALL_UNET.pooledDim + 1536),
        control: { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3) },
      }
      const rows = { seed: 1, step: 0, firstRow: 0, examples: [example] }
      const schedule = createNoiseSchedule()
      const counts = await countsOf(async () => {
        await objective(precision === "F16" ? narrow : sdxl, schedule, LLLITE, model, rows, {
          gradientCheckpointing: true,
        })
      })
      expect(counts).toMatchObject({ pipelines: 0, reads: 1, buffers: 0, dispatches })
      expect(counts.submits).toBeLessThanOrEqual(submits)
    },
  )
})
