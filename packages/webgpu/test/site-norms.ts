import { createNoiseSchedule } from "@lllite/core/diffusion"
import { createLllite, type Sdxl } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { type CachedExample, LLLITE, objective } from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import { expect } from "vitest"
import { createSyntheticUnet, SMALL_UNET } from "../../core/test/synthetic-sdxl.ts"

const SIDE = 64

function normal(name: string, length: number): Float32Array {
  return createStream(1, name).normal(length)
}

/** Expects an LLLite's gradients of rounded ops to have norms within 2 % of the exact ones, at every site. */
export async function expectCloseNorms(exact: Ops, rounded: Ops, how: string): Promise<void> {
  const [expected, got] = [await gradientNorms(exact), await gradientNorms(rounded)]
  const apart = expected.map((norm, i) => Math.abs((got[i] ?? Number.NaN) / norm - 1))
  console.info(`gradients ${how}: norms at ${apart.length} sites, ${Math.max(...apart).toExponential(1)} apart`)
  expect(apart.filter((each) => !(each < 0.02))).toEqual([])
  expect(apart.length).toBeGreaterThan(10)
  expect(got).not.toEqual(expected)
}

/** The norms of an LLLite's gradients at every site of a small U-Net. */
async function gradientNorms(ops: Ops): Promise<readonly number[]> {
  const example: CachedExample = {
    ...{ width: SIDE, height: SIDE },
    latents: normal("latents", (SIDE / 8) ** 2 * 4),
    context: normal("context", 77 * SMALL_UNET.contextDim),
    vector: normal("vector", SMALL_UNET.pooledDim + 1536),
    control: { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).map((_, i) => (i * 7) % 256) },
  }
  const made = createLllite(enumerateSites(SMALL_UNET.layout), { condDim: 8, mlpDim: 16 }, createStream(1, "lllite"))
  // At the start of a training the last layers are zero, and so are the gradients before them.
  const model = { ...made, values: normal("values", made.values.length).map((value) => value / 10) }
  const sdxl = { ops, unet: await createSyntheticUnet(ops), prediction: "epsilon" } as Sdxl
  const rows = { seed: 1, step: 0, firstRow: 0, examples: [example] }
  const { gradients } = await objective(sdxl, createNoiseSchedule(), LLLITE, model, rows, {})
  return model.adapters.map((plan) =>
    Math.hypot(
      ...model.slots
        .filter((slot) => slot.plan === plan)
        .flatMap(({ offset, size }) => Array.from(gradients.subarray(offset, offset + size))),
    ),
  )
}
