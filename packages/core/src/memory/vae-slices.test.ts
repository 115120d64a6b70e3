import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { loadSynthetic } from "../../reference/weights.ts"
import { startWasm } from "../../test/wasm.ts"
import { watchBytes } from "../../testing/peak-bytes.ts"
import type { VaeConfig } from "../models/vae/config.ts"
import { SDXL_VAE } from "../models/vae/config.ts"
import { decodeLatents, encodeImage } from "../models/vae/vae.ts"
import { buildVae } from "../models/vae/weights.ts"
import { createComposedOps } from "../ops/composed/index.ts"
import { disposeParams } from "../params.ts"
import { COMPOSED_FOOTPRINT } from "./composed-footprint.ts"
import type { Footprint } from "./plan.ts"
import { chooseVaeParts, chooseVaeSlices, vaeBytes } from "./vae-slices.ts"

const GIB = 2 ** 30
/** Kernels that fuse their steps, on a device that keeps memory for later. */
const FUSED: Footprint = { weightBytes: () => 2, pooled: true }
const picture = { height: 1024, width: 1024 }

describe("vaeBytes", () => {
  it.each([1, 4])("agrees with what the VAE takes, in %d slices", async (slices) => {
    const config: VaeConfig = { channels: [32, 64, 64], resBlocks: 1, latentChannels: 4 }
    await startWasm()
    const ops = createComposedOps()
    const vae = await loadSynthetic("a VAE", buildVae(config), ops.load)
    const [image, latents] = [tf.zeros<tf.Rank.R4>([1, 128, 96, 3]), tf.zeros<tf.Rank.R4>([1, 16, 12, 4])]
    const watch = watchBytes()
    tf.dispose({ ...encodeImage(ops, vae, image, { slices }) })
    decodeLatents(ops, vae, latents, { slices }).dispose()
    const taken = watch.take()
    watch.stop()
    const planned = await vaeBytes(config, { height: 128, width: 96 }, slices, COMPOSED_FOOTPRINT)
    expect(Math.abs(planned / taken - 1)).toBeLessThan(0.1)
    tf.dispose([image, latents])
    disposeParams(vae)
  })

  it("leaves the backend that was in use as it was", async () => {
    await startWasm()
    const { numTensors } = tf.memory()
    await vaeBytes(SDXL_VAE, { height: 64, width: 64 }, 1, FUSED)
    expect([tf.getBackend(), tf.memory().numTensors]).toEqual(["wasm", numTensors])
  })
})

describe("chooseVaeSlices", () => {
  it("takes a picture whole where it fits, and otherwise the fewest slices that fit", async () => {
    expect(await chooseVaeSlices(SDXL_VAE, picture, 8 * GIB, FUSED)).toBe(1)
    expect(await chooseVaeSlices(SDXL_VAE, { height: 256, width: 256 }, GIB, FUSED)).toBe(1)
    const slices = await chooseVaeSlices(SDXL_VAE, picture, 3 * GIB, FUSED)
    expect(await vaeBytes(SDXL_VAE, picture, slices, FUSED)).toBeLessThanOrEqual(3 * GIB)
    expect(await vaeBytes(SDXL_VAE, picture, slices / 2, FUSED)).toBeGreaterThan(3 * GIB)
  })

  it("refuses bytes that are no number, as for tiles", async () => {
    for (const choose of [chooseVaeSlices, chooseVaeParts]) {
      await expect(choose(SDXL_VAE, picture, Number.NaN, FUSED)).rejects.toThrow(
        "VAE: the bytes are NaN, expected a number",
      )
    }
  })

  it("takes as many slices as there are rows where no number fits", async () => {
    expect(await chooseVaeSlices(SDXL_VAE, { height: 64, width: 32 }, 0, FUSED)).toBe(8)
  })

  it("begins with the slices that the device can bind", async () => {
    const footprint = { ...FUSED, maxTensorBytes: GIB / 8 }
    expect(await chooseVaeSlices(SDXL_VAE, picture, 64 * GIB, footprint)).toBe(16)
  })
})

describe("chooseVaeParts", () => {
  it("takes slices where a number of them fits, and otherwise the largest tiles that do", async () => {
    const plain: Footprint = { weightBytes: () => 2 }
    const [small, large] = [
      { height: 512, width: 768 },
      { height: 768, width: 768 },
    ]
    expect(await chooseVaeParts(SDXL_VAE, small, 0.3 * GIB, plain)).toEqual({ vaeSlices: 16, vaeTiles: null })
    // A tensor of its finest level takes 288 MiB.
    expect((await chooseVaeParts(SDXL_VAE, large, 0.3 * GIB, plain)).vaeTiles).toEqual({ size: 256 })
    expect(await chooseVaeParts(SDXL_VAE, small, 0, plain)).toEqual({ vaeSlices: 64, vaeTiles: null })
  })
})
