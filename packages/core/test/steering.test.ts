import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse, GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite } from "../src/models/index.ts"
import { adapt } from "../src/ops/adapt.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const base: GenerateOptions = { width: 64, height: 64, steps: 3, guidanceScale: 4 }
const requests: readonly PictureRequest[] = [
  { prompt: "a red star", seed: 1 },
  { prompt: "a blue ring", seed: 2 },
]
const one = requests.slice(0, 1)

function picture(valueAt: (x: number, y: number) => number): RgbImage {
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => valueAt(Math.floor(i / 3) % 64, Math.floor(i / 192)))
  return { width: 64, height: 64, data }
}
const white = picture(() => 255)
const black = picture(() => 0)
const left = picture((x) => (x < 32 ? 255 : 0))

describe("the settings of an adapter", () => {
  let sdxl: Sdxl
  let lllite: LlliteParams
  /** The adapters that were computed. */
  let computed = 0

  beforeAll(async () => {
    const plain = await createSyntheticSdxl(await startWasm())
    const { ops } = plain
    sdxl = {
      ...plain,
      ops: {
        ...ops,
        adapt(x, down, adapters, strengths) {
          computed += adapters.length
          return adapt(ops, x, down, adapters, strengths)
        },
      },
    }
    lllite = actingLllite()
  })
  afterAll(() => {
    disposeLllite(lllite)
    sdxl.dispose()
  })

  async function pictures(list: readonly PictureRequest[], changes: Partial<GenerateOptions> = {}) {
    const images: RgbImage[] = []
    computed = 0
    for await (const event of generate(sdxl, list, { ...base, ...changes })) {
      if (event.kind === "image") images.push(event.image)
    }
    return images
  }
  const use = (changes: Partial<AdapterUse> = {}): readonly AdapterUse[] => [
    { lllite, control: picture(() => 200), ...changes },
  ]
  const steered = async (changes: Partial<AdapterUse>): Promise<RgbImage | undefined> =>
    (await pictures(one, { adapters: use(changes) }))[0]

  it("act as a function of the place does", async () => {
    const settings = {
      blocks: { "input *": 0.5, "input 4": 2 },
      cond: 0.5,
      uncond: 0.25,
      curve: [{ at: 0, strength: 2 }],
    }
    const byHand = await steered({
      strength: ({ layer: { block }, row: { guidance } }) =>
        2 * (block === "input 4" ? 2 : block === "middle" ? 1 : 0.5) * (guidance === "cond" ? 0.5 : 0.25),
    })
    expect(await steered(settings)).toEqual(byHand)
  })

  it("cost nothing where they are zero", async () => {
    const [plain] = await pictures(one)
    await steered({})
    const all = computed
    for (const none of [
      { blocks: { "*": 0 } },
      { cond: 0, uncond: 0 },
      { curve: [{ at: 0, strength: 0 }] },
      { strength: 0 },
    ]) {
      expect(await steered(none)).toEqual(plain)
      expect(computed).toBe(0)
    }
    await steered({ end: 0.4 })
    expect(computed).toBe(all / 3)
    // Of five passes of Heun's method, the first three are before the middle of the schedule.
    await pictures(one, { adapters: use({ end: 0.5 }), sampler: "heun" })
    expect(computed).toBe(all)
    await steered({ blocks: { "input *": 0 } })
    expect(computed).toBeGreaterThan(0)
    expect(computed).toBeLessThan(all)
  })

  it("have a mask, which limits where they act", async () => {
    const before = tf.memory().numTensors
    const [plain] = await pictures(one)
    const whole = await steered({})
    expect(await steered({ mask: black })).toEqual(plain)
    expect(largestDifference(await steered({ mask: white }), whole)).toBeLessThanOrEqual(1)
    const half = await steered({ mask: left })
    const soft = await steered({ mask: left, maskFeather: 24 })
    for (const other of [plain, whole, soft]) expect(largestDifference(half, other)).toBeGreaterThan(0)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("may differ for each picture of a batch", async () => {
    const batch = await pictures(requests, { adapters: use({ strength: [0.3, 0.9], mask: [white, left] }) })
    const [first] = await pictures(requests.slice(0, 1), { adapters: use({ strength: 0.3 }) })
    const [second] = await pictures(requests.slice(1), { adapters: use({ strength: [0.9], mask: left }) })
    expect(largestDifference(batch[0], first)).toBeLessThanOrEqual(1)
    expect(largestDifference(batch[1], second)).toBeLessThanOrEqual(1)
  })

  it("chain in the order of sd-scripts, or of ComfyUI, which is the other way round", async () => {
    const [a, b] = [use({ strength: 0.7 }), use({ control: picture(() => 30) })]
    const ours = await pictures(one, { adapters: [...a, ...b] })
    const theirs = await pictures(one, { adapters: [...b, ...a], combine: "chain-comfyui" })
    expect(theirs).toEqual(ours)
    expect(await pictures(one, { adapters: [...a, ...b], combine: "chain-comfyui" })).not.toEqual(ours)
  })

  it.each<[Partial<AdapterUse>, string]>([
    [{ strength: [1, 2, 3] }, "3 strengths for 2 pictures, expected 1 or 2"],
    [{ strength: [1, Number.NaN] }, "strength[1] is NaN"],
    [{ cond: Number.POSITIVE_INFINITY }, "cond is Infinity"],
    [{ blocks: { "input 12": 1 } }, 'blocks has "input 12"'],
    [{ mask: { width: 32, height: 64, data: new Uint8Array(32 * 64 * 3) } }, "a mask is 32×64 px, the picture 64×64"],
    [{ mask: [white, white, white] }, "3 masks for 2 pictures"],
    [{ maskFeather: -1 }, "maskFeather is -1"],
    [{ ease: -1 }, "ease is -1"],
  ])("refuse %j", async (changes, message) => {
    await expect(pictures(requests, { adapters: use(changes) })).rejects.toThrow(message)
  })
})

function largestDifference(a: RgbImage | undefined, b: RgbImage | undefined): number {
  if (a === undefined || b === undefined) throw new Error("a picture is missing")
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] ?? Number.NaN))), 0)
}
