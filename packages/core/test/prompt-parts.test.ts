import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { GenerateOptions } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

let sdxl: Sdxl
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
})
afterAll(() => sdxl.dispose())

const SIDE = 64

async function draw(prompt: string, options: Partial<GenerateOptions> = {}): Promise<Uint8Array> {
  const before = tf.memory().numTensors
  const given = { width: SIDE, height: SIDE, steps: 2, guidanceScale: 4, ...options }
  let image: RgbImage | null = null
  for await (const event of generate(sdxl, [{ prompt, negativePrompt: "blurry", seed: 1 }], given)) {
    if (event.kind === "image") image = event.image
  }
  expect(tf.memory().numTensors).toBe(before)
  return Uint8Array.from((image as RgbImage | null)?.data ?? [])
}

function farthest(first: Uint8Array, second: Uint8Array): number {
  return first.reduce((most, value, i) => Math.max(most, Math.abs(value - (second[i] ?? Number.NaN))), 0)
}

describe("a picture of a prompt in parts", () => {
  it("is that of the text alone where both parts have it", async () => {
    const alone = await draw("a cat")
    expect(farthest(await draw("a cat AND a cat", { parts: [{}, { strength: 2 }] }), alone)).toBeLessThanOrEqual(1)
    expect(farthest(await draw("a cat AND a dog"), alone)).toBeGreaterThan(2)
  })

  it("is that of the part that acts", async () => {
    const dog = await draw("a dog")
    const area = { left: 0, top: 0, width: 1, height: 1 }
    const late = [{ start: 1 }, { area }]
    expect(farthest(await draw("a cat AND a dog", { parts: late }), dog)).toBeLessThanOrEqual(1)
  })

  it("is drawn in tiles, with a mask", async () => {
    const data = new Uint8Array(SIDE * SIDE * 3)
    for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / 3) % SIDE < SIDE / 2 ? 255 : 0
    const parts = [{ mask: { width: SIDE, height: SIDE, data } }, {}]
    const tiled = await draw("a cat AND a dog", { parts, width: 96, height: SIDE, tiles: { size: 64 } })
    expect(tiled.length).toBe(96 * SIDE * 3)
  })

  it("is refused where the prompt has another number of parts", async () => {
    await expect(draw("a cat", { parts: [{}, {}] })).rejects.toThrow("parts has 2 entries")
  })
})
