import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createSyntheticUnet, SMALL_UNET } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import { disposeParams } from "../models/index.ts"
import { createLllite } from "../models/lllite/model.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { createDenseStack } from "../ops/composed/dense-stack.ts"
import type { Ops } from "../ops/ops.ts"
import { createStream } from "../random/stream.ts"
import type { CachedExample } from "./dataset.ts"
import type { LossAndGradients } from "./gradients.ts"
import { LLLITE } from "./lllite-trainable.ts"
import { objective } from "./objective.ts"

const SIDE = 64

const example = (row: number): CachedExample => ({
  ...{ width: SIDE, height: SIDE },
  latents: createStream(row, "latents").normal((SIDE / 8) ** 2 * 4),
  context: createStream(row, "context").normal(7 * SMALL_UNET.contextDim),
  vector: createStream(row, "vector").normal(SMALL_UNET.pooledDim + 1536),
  control: {
    ...{ width: SIDE, height: SIDE },
    data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (31 * i + 7 * row) % 256),
  },
})

describe("conditioners that run before the blocks", () => {
  let ops: Ops
  let unet: Sdxl["unet"]
  beforeAll(async () => {
    ops = await startWasm()
    unet = await createSyntheticUnet(ops)
  })
  afterAll(() => disposeParams(unet))

  it.each([
    { sharedTrunk: false, gradientCheckpointing: false },
    { sharedTrunk: false, gradientCheckpointing: true },
    { sharedTrunk: true, gradientCheckpointing: true },
    // Dropout stands inside the adapters, which then run one by one.
    { sharedTrunk: false, gradientCheckpointing: true, dropout: 0.25 },
  ])("give the loss and the gradients of those in the blocks: %o", async ({ sharedTrunk, ...options }) => {
    const dims = { condDim: 8, mlpDim: 12, sharedTrunk }
    const made = createLllite(enumerateSites(SMALL_UNET.layout), dims, createStream(1, "init"))
    // `up` begins at zero, which would leave most gradients at zero, too.
    const noise = createStream(2, "values").normal(made.values.length)
    const model = { ...made, values: made.values.map((value, i) => value + 0.05 * (noise[i] as number)) }
    const rows = { seed: 1, step: 0, firstRow: 0, examples: [example(0), example(1)] }
    const run = (own: Ops): Promise<LossAndGradients> =>
      objective({ ops: own, unet, prediction: "epsilon" }, createNoiseSchedule(), LLLITE, model, rows, options)
    const inBlocks = await run(ops)
    // The first run also makes the transposes that weights keep.
    const before = tf.memory().numTensors
    const ahead = await run({ ...ops, denseStack: createDenseStack(ops) })
    expect(tf.memory().numTensors).toBe(before)
    expect(ahead.loss).toBeCloseTo(inBlocks.loss, 5)
    const greatest = Math.max(...inBlocks.gradients.map(Math.abs))
    expect(greatest).toBeGreaterThan(0)
    for (const { name, offset, size } of LLLITE.parts(model)) {
      const [wanted, got] = [inBlocks, ahead].map(({ gradients }) => gradients.subarray(offset, offset + size))
      expect(
        wanted?.some((value) => value !== 0),
        name,
      ).toBe(true)
      const apart = Math.max(...(got as Float32Array).map((value, i) => Math.abs(value - (wanted?.[i] as number))))
      expect(apart, name).toBeLessThan(1e-5 * greatest)
    }
  })
})
