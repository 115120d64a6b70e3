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

const LEFT = { left: 0, top: 0, width: 0.5, height: 1 }

async function draw(
  prompt: string,
  { negativePrompt = "blurry", ...options }: Partial<GenerateOptions> & { readonly negativePrompt?: string } = {},
): Promise<Uint8Array> {
  const before = tf.memory().numTensors
  const given = { width: SIDE, height: SIDE, steps: 2, guidanceScale: 4, ...options }
  let image: RgbImage | null = null
  for await (const event of generate(sdxl, [{ prompt, negativePrompt, seed: 1 }], given)) {
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

  it("is that of the negative part that acts", async () => {
    const alone = await draw("a cat")
    const parts = [{ start: 1 }, {}]
    const of = (negativePrompt: string, more: Partial<GenerateOptions> = {}) =>
      draw("a cat", { negativePrompt, negativeParts: parts, ...more })
    expect(farthest(await of("dark AND blurry"), alone)).toBeLessThanOrEqual(1)
    expect(farthest(await of("blurry AND dark"), alone)).toBeGreaterThan(2)
    // Two alike are one, whatever their shares.
    const twins = { negativeParts: [{ area: LEFT }, { strength: 2 }] }
    expect(farthest(await of("blurry AND blurry", twins), alone)).toBeLessThanOrEqual(1)
  })

  it("has no guidance where no negative part acts, or ComfyUI's estimate of zero in its syntax", async () => {
    const never = [{ start: 1 }]
    const unguided = await draw("a cat", { guidanceScale: 1 })
    expect(farthest(await draw("a cat", { negativeParts: never }), unguided)).toBeLessThanOrEqual(1)
    const zero = await draw("a cat", { negativeParts: never, prompts: { syntax: "comfyui" } })
    expect(farthest(zero, unguided)).toBeGreaterThan(2)
  })

  it("sees a cut of the picture for an area, with the control cut as well", async () => {
    const whole = await draw("a cat AND a cat", { parts: [{}, { area: LEFT }] })
    const cut = await draw("a cat AND a cat", { parts: [{}, { area: LEFT, sees: "area" }] })
    const right = (image: Uint8Array) => image.filter((_, i) => Math.floor(i / 3) % SIDE >= SIDE - 8)
    expect(farthest(cut, whole)).toBeGreaterThan(0)
    expect(right(cut).length).toBe(8 * SIDE * 3)
    // The first part alone, on its own cut of everything, is the plain picture.
    const area = { left: 0, top: 0, width: 1, height: 1 }
    const all = await draw("a cat", { parts: [{ area, sees: "area" }], negativeParts: [{ area, sees: "area" }] })
    expect(farthest(all, await draw("a cat"))).toBeLessThanOrEqual(1)
  })

  it("has the averaged states of two texts", async () => {
    const mixed = (weight: number) =>
      draw("a cat", { parts: [{ textWeight: 1 - weight, mix: [{ text: "a dog", weight }] }] })
    expect(farthest(await mixed(0), await draw("a cat"))).toBeLessThanOrEqual(1)
    expect(farthest(await mixed(1), await draw("a dog"))).toBeLessThanOrEqual(1)
    expect(farthest(await mixed(0.5), await draw("a dog"))).toBeGreaterThan(0)
  })

  it("is refused where the prompt has another number of parts", async () => {
    await expect(draw("a cat", { parts: [{}, {}] })).rejects.toThrow("parts has 2 entries")
  })
})
