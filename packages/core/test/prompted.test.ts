import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/* Composed prompts and textual inversions, in pictures. */

const base: GenerateOptions = { width: 64, height: 64, steps: 2, guidanceScale: 4 }

let sdxl: Sdxl
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
})
afterAll(() => sdxl.dispose())

async function draw(list: readonly PictureRequest[], changes: Partial<GenerateOptions> = {}) {
  const images: RgbImage[] = []
  for await (const event of generate(sdxl, list, { ...base, ...changes })) {
    if (event.kind === "image") images.push(event.image)
  }
  return images
}
const one = async (prompt: string, changes: Partial<GenerateOptions> = {}) =>
  (await draw([{ prompt, seed: 1 }], changes))[0]

function difference(a: RgbImage | undefined, b: RgbImage | undefined): number {
  if (a === undefined || b === undefined) return Number.NaN
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] ?? 0))), 0)
}

describe("a composed prompt", () => {
  it("is its first part where the others have no weight", async () => {
    const star = await one("a red star")
    expect(difference(await one("a red star AND a blue ring :0"), star)).toBeLessThanOrEqual(1)
    expect(difference(await one("a red star AND a blue ring"), star)).toBeGreaterThan(1)
  })

  it("is one prompt with the sum of the weights where all parts are the same", async () => {
    const twice = await one("a red star AND a red star :0.5")
    expect(difference(twice, await one("a red star", { guidanceScale: 6 }))).toBeLessThanOrEqual(1)
  })

  it("is guided at scale 1, too, and is text in the plain syntax", async () => {
    const star = await one("a red star", { guidanceScale: 1 })
    expect(difference(await one("a red star AND a blue ring :0", { guidanceScale: 1 }), star)).toBeLessThanOrEqual(1)
    const plain = { prompts: { syntax: "plain" } } as const
    expect(difference(await one("a red star AND a blue ring :0", plain), await one("a red star"))).toBeGreaterThan(1)
  })

  it("is the same in a batch with prompts of fewer parts, and leaves no tensor", async () => {
    const before = tf.memory().numTensors
    const list = [
      { prompt: "a red star", seed: 1 },
      { prompt: "a red star AND a blue ring :0.5 AND a cat :-1", seed: 2 },
    ]
    const [star, composed] = await draw(list)
    expect(difference(star, await one("a red star"))).toBeLessThanOrEqual(1)
    expect(difference(composed, (await draw(list.slice(1)))[0])).toBeLessThanOrEqual(1)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("guidance on a part of the schedule", () => {
  it("turns guidance off outside of it, and guides in all of it", async () => {
    const plain = await one("a red star", { guidanceScale: 1 })
    const guided = await one("a red star")
    const within = (start: number, end: number) => one("a red star", { guidanceWindow: { start, end } })
    expect(difference(await within(0, 1), guided)).toBe(0)
    expect(difference(await within(0.999, 1), plain)).toBeLessThanOrEqual(1)
    const half = await within(0, 0.1)
    expect(difference(half, guided)).toBeGreaterThan(0)
    expect(difference(half, plain)).toBeGreaterThan(0)
    await expect(within(0.6, 0.5)).rejects.toThrow("generate: guidance")
  })
})

describe("a scale of the negative prompt", () => {
  const negative = (changes: Partial<GenerateOptions>, prompt = "a red star", negativePrompt = "a blue ring") =>
    draw([{ prompt, negativePrompt, seed: 1 }], changes)
  // The conditions on sizes differ, so that the empty prompt must have that of the negative prompt.
  const negativeSize = { original: [32, 32], crop: [0, 0], target: [64, 64] } as const
  const near = async (some: ReturnType<typeof draw>, others: ReturnType<typeof draw>) =>
    expect(difference((await some)[0], (await others)[0])).toBeLessThanOrEqual(1)

  it("is plain guidance at the scale - 1, and guidance from the empty prompt at 0", async () => {
    const before = tf.memory().numTensors
    await near(negative({ negativeSize, negativeScale: 3 }), negative({ negativeSize }))
    await near(negative({ negativeSize, negativeScale: 0 }), negative({ negativeSize }, "a red star", ""))
    const [far] = await negative({ negativeSize, negativeScale: 8 })
    expect(difference(far, (await negative({ negativeSize }))[0])).toBeGreaterThan(1)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("holds for composed prompts, on a part of the schedule, and with deep features that are kept", async () => {
    const composed = "a red star AND a cat :0.5"
    await near(negative({ negativeScale: 0 }, composed), negative({}, composed, ""))
    const guidanceWindow = { start: 0, end: 0.1 }
    await near(negative({ negativeScale: 3, guidanceWindow }), negative({ guidanceWindow }))
    const deepCache = { interval: 2, depth: 6 }
    await near(negative({ negativeScale: 3, deepCache }), negative({ deepCache }))
  })

  it("has no effect without guidance, and is refused out of its range", async () => {
    const plain = await negative({ guidanceScale: 1 })
    expect(await negative({ guidanceScale: 1, negativeScale: 3 })).toEqual(plain)
    await expect(negative({ negativeScale: Number.NaN })).rejects.toThrow("generate: negativeScale is NaN")
  })
})

describe("what is added to the noise of the start", () => {
  const startNoise = { offset: { probability: 1, range: [0.5, 0.5] } } as const
  it("changes a picture, and not one that starts from a picture", async () => {
    expect(await one("a red star", { startNoise })).not.toEqual(await one("a red star"))
    const start = { image: { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(90) } }
    expect(await one("a red star", { start, startNoise })).toEqual(await one("a red star", { start }))
  })

  it("is refused out of its range", async () => {
    const [probability, range] = [1, [0, 0.1] as const]
    for (const [wrong, message] of [
      [{ pyramid: { probability: 2, discount: range } }, /pyramid.probability is 2/],
      [{ pyramid: { probability, discount: [0, 3] as const } }, /pyramid.discount is 3/],
      [{ offset: { probability: Number.NaN, range } }, /offset.probability is NaN/],
      [{ offset: { probability, range: [11, 0] as const } }, /offset.range is 11/],
    ] as const)
      await expect(one("a red star", { startNoise: wrong })).rejects.toThrow(message)
  })
})

describe("a textual inversion", () => {
  const vectors = (name: string) => ({
    ...{ name, vectors: 2 },
    text1: signal(`${name}/1`, [2, sdxl.text1.config.width]),
    text2: signal(`${name}/2`, [2, sdxl.text2.config.width]),
  })

  it("acts where a prompt names it, also in the negative prompt", async () => {
    const textualInversions = [vectors("ink")]
    const plain = await one("a star")
    expect(await one("a star", { textualInversions })).toEqual(plain)
    expect(await one("a star ink", { textualInversions })).not.toEqual(await one("a star ink"))
    expect(await one("a star embedding:INK", { textualInversions })).toEqual(
      await one("a star ink", { textualInversions }),
    )
    const negative = [{ prompt: "a star", negativePrompt: "ink", seed: 1 }]
    expect((await draw(negative, { textualInversions }))[0]).not.toEqual((await draw(negative))[0])
  })

  it("is the token whose embedding it has", async () => {
    const { tokenizer, ops, text1, text2 } = sdxl
    const [id = 0] = tokenizer.encode("star")
    const row = async (text: typeof text1) => (await ops.lookUp(text.tokens, [[id]]).data()) as Float32Array
    const textualInversions = [{ name: "mine", vectors: 1, text1: await row(text1), text2: await row(text2) }]
    expect(await one("a red mine", { textualInversions })).toEqual(await one("a red star"))
  })

  it("is refused where it is for another width, or two have one name", async () => {
    const wide = { name: "wide", vectors: 1, text1: new Float32Array(768), text2: new Float32Array(1280) }
    await expect(one("a", { textualInversions: [wide] })).rejects.toThrow(
      'textual inversion "wide": its vectors are 768 and 1280 wide, those of this SDXL 8 and 8. Give one for SDXL.',
    )
    await expect(one("a", { textualInversions: [vectors("ink"), vectors("INK")] })).rejects.toThrow(
      "two have this name",
    )
  })
})
