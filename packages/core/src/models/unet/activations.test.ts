import { enumerateSites, NAMED_SELECTIONS, type SelectionName } from "@lllite/format/selections"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { loadSynthetic } from "../../../reference/weights.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import type { Footprint, MemoryTask } from "../../memory/index.ts"
import { planMemory, sdxlOutline } from "../../memory/index.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import { createStream } from "../../random/stream.ts"
import { lossAndGradients } from "../../training/gradients.ts"
import { trainedLllite } from "../../training/lllite-trainable.ts"
import { CONTEXT_LENGTH } from "../clip/prompt.ts"
import { cutControls, llliteTap, prepareControl } from "../lllite/adapter.ts"
import { createLllite } from "../lllite/model.ts"
import { disposeLllite, uploadLllite } from "../lllite/params.ts"
import type { UnetConfig } from "./config.ts"
import { vectorDimOf } from "./config.ts"
import type { UnetParams } from "./params.ts"
import type { UnetInput } from "./unet.ts"
import { unet } from "./unet.ts"
import { buildUnet } from "./weights.ts"

/** The size of a binding that every WebGPU device allows. */
const LEAST = 128 * 2 ** 20

interface Run {
  readonly config: UnetConfig
  readonly params: UnetParams
  readonly selection: SelectionName
  readonly batch: number
  /** Sides of the picture, in pixels. */
  readonly side: number
}

/** A forward pass with an LLLite, then a training step of it. Gives the prediction and every gradient. */
async function pass(ops: Ops, { config, params, selection, batch, side }: Run, checkpointing: boolean) {
  const stream = createStream(1, "pass")
  const normal = (index: number, shape: number[]): tf.Tensor =>
    tf.tensor(stream.normal(tf.util.sizeFromShape(shape), { index }), shape)
  const input = {
    latents: normal(0, [batch, side / 8, side / 8, 4]),
    timesteps: Array<number>(batch).fill(500),
    context: normal(1, [batch, CONTEXT_LENGTH, config.contextDim]),
    vector: normal(2, [batch, vectorDimOf(config)]),
  } as UnetInput
  const images = { count: batch, height: side, width: side, data: new Float32Array(batch * side * side * 3).fill(0.5) }
  const sites = enumerateSites(config.layout, NAMED_SELECTIONS[selection])
  const model = createLllite(sites, { condDim: 8, mlpDim: 16 }, stream, { init: "reference" })
  const lllite = uploadLllite(model)
  const prepared = prepareControl(ops, lllite, images)
  const cuts = cutControls(lllite, images)
  const training = trainedLllite(ops, model, cuts)
  try {
    const y = unet(ops, params, input, { tap: llliteTap(ops, lllite, prepared, 1) })
    const prediction = await y.data<"float32">()
    y.dispose()
    const loss = (prediction: Tensor4D): tf.Scalar => tf.sum(tf.mul(prediction, prediction))
    const trained = await lossAndGradients(ops, params, training, input, loss, {
      checkpointing,
    })
    return { prediction, gradients: trained.gradients }
  } finally {
    tf.dispose([input.latents, input.context, input.vector])
    prepared.dispose()
    training.dispose()
    cuts.dispose()
    disposeLllite(lllite)
  }
}

describe("SDXL's activations at 1024 px", () => {
  /** Bytes of the largest tensor in the U-Net, generating with an LLLite or training one. */
  async function largest(kind: MemoryTask["kind"], batchSize: number, limit: Pick<Footprint, "maxTensorBytes">) {
    const task = { kind, batchSize, width: 1024, height: 1024, lllite: { condDim: 32, mlpDim: 64 }, guided: false }
    const { phases } = await planMemory(await sdxlOutline("F16"), task, { weightBytes: () => 2, ...limit })
    return phases.find(({ name }) => name === "U-Net" || name === "training step")?.largestBytes
  }

  it.each(["generate", "train"] as const)("bind where 128 MiB is the most, one at a time (%s)", async (kind) => {
    expect(await largest(kind, 1, {})).toBeLessThanOrEqual(LEAST)
  })

  it.each(["generate", "train"] as const)("are too large two at a time, and are split (%s)", async (kind) => {
    // The input of the GEGLU in the feed-forward of 640 channels.
    expect(await largest(kind, 2, {})).toBe(4 * 2 * 4096 * 5120)
    expect(await largest(kind, 2, { maxTensorBytes: LEAST })).toBeLessThanOrEqual(LEAST)
  })
})

describe("a feed-forward in parts", () => {
  it.each(["default", "transformerAll"] as const)(
    "has the value and the gradients of the whole (%s)",
    async (selection) => {
      const ops = await startWasm()
      const before = tf.memory().numTensors
      const params = await loadSynthetic("a U-Net", buildUnet(SMALL_UNET), ops.load)
      const run: Run = { config: SMALL_UNET, params, selection, batch: 2, side: 64 }
      const whole = await pass(ops, run, true)
      // Five of 32 tokens of 64 channels at a time, and two of 8 tokens of 128.
      const wide: number[] = []
      const limited: Ops = {
        ...ops,
        maxTensorBytes: 4 * 512 * 5,
        geglu: (h) => {
          wide.push(4 * h.size)
          return ops.geglu(h)
        },
      }
      const parts = await pass(limited, run, true)
      for (const name of ["prediction", "gradients"] as const) {
        const scale = whole[name].reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        expect(scale).toBeGreaterThan(0)
        expect(parts[name]).toHaveLength(whole[name].length)
        const apart = parts[name].map((value, i) => Math.abs(value - (whole[name][i] as number)))
        expect(apart.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(1e-5 * scale)
      }
      expect(Math.max(...wide)).toBeLessThanOrEqual(4 * 512 * 5)
      disposeParams(params)
      expect(tf.memory().numTensors).toBe(before)
    },
  )
})
