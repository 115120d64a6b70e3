import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { decodePictures } from "../src/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createExampleCache } from "../src/training/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const SIDE = 64
const PICTURE = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).fill(90) }

/** Pauses that abort at one of them. */
function abortAt(last: number) {
  const controller = new AbortController()
  let pauses = 0
  return {
    count: () => pauses,
    signal: controller.signal,
    pause: async () => {
      if (++pauses === last) controller.abort(new Error("enough"))
    },
  }
}

describe.each([1, 3])("the autoencoder in %d slices", (vaeSlices) => {
  let sdxl: Sdxl
  let latents: Tensor4D
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    latents = tf.zeros([1, SIDE / 8, SIDE / 8, 4])
  })
  afterAll(() => {
    latents.dispose()
    sdxl.dispose()
  })

  const decode = async (stop: { signal: AbortSignal; pause: () => Promise<void> }): Promise<void> => {
    for await (const _ of decodePictures(sdxl, latents, { vaeSlices, ...stop }));
  }
  const encode = async (stop: { signal: AbortSignal; pause: () => Promise<void> }): Promise<void> => {
    const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const
    const cache = createExampleCache(sdxl, { seed: 1, vaeSlices: () => vaeSlices })
    await cache({ name: "a", image: PICTURE, control: PICTURE, caption: "", size }, 0, stop)
  }

  it.each([
    ["decoding", decode],
    ["encoding", encode],
  ] as const)("stops at any pause of %s, and leaves no tensor behind", async (_, work) => {
    const whole = abortAt(Number.POSITIVE_INFINITY)
    await work(whole)
    const before = tf.memory().numTensors
    expect(whole.count()).toBeGreaterThan(10)
    for (let last = 1; last <= whole.count(); last++) {
      const stop = abortAt(last)
      await expect(work(stop)).rejects.toThrow("enough")
      expect(stop.count()).toBe(last)
      expect(tf.memory().numTensors).toBe(before)
    }
  })
})
