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
import { type BatchRows, objective } from "./objective.ts"

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
    /** The run, and its list of gradients as far as they are told before its end, with the first place of each telling. */
    const told = async (own: Ops): Promise<{ early: Float32Array; counts: Uint8Array; firsts: readonly number[] }> => {
      const early = new Float32Array(model.values.length)
      const counts = new Uint8Array(model.values.length)
      const firsts: number[] = []
      const onFinal: BatchRows["onFinal"] = (gradients) => {
        for (const { values, places } of gradients) {
          firsts.push(places[0]?.offset ?? 0)
          let from = 0
          for (const { offset, size } of places) {
            early.set(values.subarray(from, from + size), offset)
            for (let at = offset; at < offset + size; at++) counts[at] = (counts[at] ?? 0) + 1
            from += size
          }
        }
      }
      const watched = { ...rows, onFinal, readAtOnce: 1 }
      await objective({ ops: own, unet, prediction: "epsilon" }, createNoiseSchedule(), LLLITE, model, watched, options)
      return { early, counts, firsts }
    }
    const inBlocks = await run(ops)
    // The first run also makes the transposes that weights keep.
    const before = tf.memory().numTensors
    const ahead = await run({ ...ops, denseStack: createDenseStack(ops) })
    expect(tf.memory().numTensors).toBe(before)
    expect(ahead.loss).toBeCloseTo(inBlocks.loss, 5)
    if (options.gradientCheckpointing) {
      const stacked = { ...ops, denseStack: createDenseStack(ops) }
      for (const [own, whole] of [[ops, inBlocks] as const, [stacked, ahead] as const]) {
        const { early, counts, firsts } = await told(own)
        expect(counts.every((count) => count <= 1)).toBe(true)
        // Conditioners that run before the blocks are known at the end alone.
        expect(counts.filter((count) => count === 1).length).toBeGreaterThan(counts.length / 3)
        expect(early.every((value, i) => counts[i] === 0 || value === whole.gradients[i])).toBe(true)
        expect(firsts[0]).toBeGreaterThan(firsts.at(-1) ?? 0)
      }
      expect(tf.memory().numTensors).toBe(before)
    }
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
