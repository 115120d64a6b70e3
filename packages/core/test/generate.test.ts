import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse, GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { BlockVerbs, LlliteParams, Sdxl, StrengthPlace } from "../src/models/index.ts"
import { composedBlocks, disposeLllite } from "../src/models/index.ts"
import { VAE_NORM } from "../src/models/vae/config.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const base: GenerateOptions = { width: 64, height: 64, steps: 3, guidanceScale: 4 }
const requests: readonly PictureRequest[] = [
  { prompt: "a red star", seed: 1 },
  { prompt: "a blue ring", seed: 2 },
]

function grey(value: number): RgbImage {
  return { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(value) }
}

describe("generation", () => {
  let sdxl: Sdxl
  let lllite: LlliteParams

  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    lllite = actingLllite()
  })
  afterAll(() => {
    disposeLllite(lllite)
    sdxl.dispose()
  })

  async function pictures(list: readonly PictureRequest[], changes: Partial<GenerateOptions> = {}) {
    const images: RgbImage[] = []
    for await (const event of generate(sdxl, list, { ...base, ...changes })) {
      if (event.kind === "image") images.push(event.image)
    }
    return images
  }
  const use = (changes: Partial<AdapterUse> = {}): readonly AdapterUse[] => [{ lllite, control: grey(200), ...changes }]

  it.each(["euler", "ddim", "dpmsolver++", "euler_a"] as const)(
    "gives with %s the same picture in a batch and alone",
    async (sampler) => {
      const [first, second] = await pictures(requests, { sampler })
      const [alone] = await pictures(requests.slice(1), { sampler })
      expect(largestDifference(second, alone)).toBeLessThanOrEqual(1)
      expect(largestDifference(first, alone)).toBeGreaterThan(1)
    },
  )

  it("reads weights, BREAK and long prompts, and takes them as text where that is asked", async () => {
    const [plainText, weighted, broken, long] = await Promise.all([
      pictures([{ prompt: "a red star", seed: 1 }]),
      pictures([{ prompt: "a (red:1.5) star", seed: 1 }]),
      pictures([{ prompt: "a red BREAK star", seed: 1 }]),
      pictures([{ prompt: `a red star ${"star ".repeat(80)}`, seed: 1 }]),
    ])
    for (const changed of [weighted, broken, long]) {
      expect(largestDifference(changed?.[0], plainText?.[0])).toBeGreaterThan(1)
    }
    // Without a weight that is not 1, the syntax makes no difference.
    const ones = { prompt: "a (red:1) star", seed: 1 }
    expect(await pictures([ones])).toEqual(plainText)
    expect(await pictures([ones], { prompts: { syntax: "plain" } })).not.toEqual(plainText)
    const cut = { prompts: { maxChunks: 1 } }
    const ends = [`${"star ".repeat(75)} red`, `${"star ".repeat(75)} blue`].map((prompt) => ({ prompt, seed: 1 }))
    const [first, second] = await pictures(ends, cut)
    expect(first).toEqual(second)
    const [red, blue] = await pictures(ends)
    expect(largestDifference(red, blue)).toBeGreaterThan(1)
  })

  it.each([
    [{ maxChunks: 0 }, "maxChunks is 0"],
    [{ clipSkip: 1.5 }, "clipSkip is 1.5"],
    [{ syntax: "webui" as "plain" }, 'syntax is "webui", expected "weighted", "comfyui", "comfyui-joined", "plain"'],
  ])("refuses to read prompts with %j", async (prompts, text) => {
    await expect(pictures(requests, { prompts })).rejects.toThrow(text)
  })

  it("runs the U-Net with the blocks of a runtime", async () => {
    let blocks = 0
    const counted: BlockVerbs = {
      ...composedBlocks,
      forward: (...read) => {
        blocks += 1
        return composedBlocks.forward(...read)
      },
    }
    const images: RgbImage[] = []
    for await (const event of generate({ ...sdxl, blocks: counted }, requests.slice(0, 1), base)) {
      if (event.kind === "image") images.push(event.image)
    }
    // Nineteen blocks in each of three steps.
    expect(blocks).toBe(3 * 19)
    expect(images).toEqual(await pictures(requests.slice(0, 1)))
  })

  it("frees memory between text, U-Net and VAE, and at the end", async () => {
    const phases: string[] = []
    const enter = (phase: string): void => {
      // Memory is freed within a phase, too, where shapes change.
      if (phases.at(-1) === "trim" && phases.at(-2) === phase) phases.pop()
      if (phases.at(-1) !== phase) phases.push(phase)
    }
    const { ops } = sdxl
    const watched: Sdxl = {
      ...sdxl,
      ops: {
        ...ops,
        trim: () => enter("trim"),
        lookUp: (...args) => {
          enter("text")
          return ops.lookUp(...args)
        },
        geglu: (h) => {
          enter("U-Net")
          return ops.geglu(h)
        },
        groupNorm: (x, weight, options) => {
          // The U-Net follows no norm of this epsilon with SiLU.
          if (options.epsilon === VAE_NORM.epsilon && options.silu) enter("VAE")
          return ops.groupNorm(x, weight, options)
        },
      },
    }
    for await (const _ of generate(watched, requests, base));
    expect(phases).toEqual(["text", "trim", "U-Net", "trim", "VAE", "trim"])
  })

  it("gives the same pictures for the same seeds", async () => {
    expect(await pictures(requests)).toEqual(await pictures(requests))
  })

  it("decodes the same in slices and as a whole", async () => {
    const [[whole], [sliced]] = [
      await pictures(requests.slice(0, 1)),
      await pictures(requests.slice(0, 1), { vaeSlices: 3 }),
    ]
    expect(largestDifference(sliced, whole)).toBeLessThanOrEqual(1)
    await expect(pictures(requests, { vaeSlices: 0 })).rejects.toThrow(
      "vaeSlices is 0, expected a whole number from 1 to 4096",
    )
  })

  it("follows the control, and ignores it at strength 0", async () => {
    const [plain] = await pictures(requests.slice(0, 1))
    const [fed] = await pictures(requests.slice(0, 1), { adapters: use() })
    const [off] = await pictures(requests.slice(0, 1), { adapters: use({ strength: 0 }) })
    const [other] = await pictures(requests.slice(0, 1), { adapters: use({ control: grey(10) }) })
    expect(off).toEqual(plain)
    expect(largestDifference(fed, plain)).toBeGreaterThan(1)
    expect(largestDifference(fed, other)).toBeGreaterThan(1)
  })

  it("gives every picture of a batch its own control", async () => {
    const [, second] = await pictures(requests, { adapters: use({ control: [grey(200), grey(10)] }) })
    const [alone] = await pictures(requests.slice(1), { adapters: use({ control: grey(10) }) })
    expect(largestDifference(second, alone)).toBeLessThanOrEqual(1)
  })

  it("lets an adapter act on a part of the schedule", async () => {
    const early = await pictures(requests, { adapters: use({ end: 0.5 }) })
    const late = await pictures(requests, { adapters: use({ start: 0.5 }) })
    const whole = await pictures(requests, { adapters: use() })
    const never = await pictures(requests, { adapters: use({ start: 0.9, end: 0.95 }) })
    expect(largestDifference(early[0], whole[0])).toBeGreaterThan(0)
    expect(largestDifference(late[0], whole[0])).toBeGreaterThan(0)
    expect(never).toEqual(await pictures(requests))
  })

  it("lets a strength depend on the position of a pass", async () => {
    const one = requests.slice(0, 1)
    const places: StrengthPlace[] = []
    await pictures(one, {
      adapters: use({
        strength: (place) => {
          places.push(place)
          return 0
        },
      }),
    })
    expect(new Set(places.map(({ position: { step, steps } }) => `${step} of ${steps}`))).toEqual(
      new Set(["0 of 3", "1 of 3", "2 of 3"]),
    )
    expect(new Set(places.map(({ row }) => `${row.picture} ${row.guidance}`))).toEqual(new Set(["0 uncond", "0 cond"]))
  })

  it("chains two adapters in order and sums them in any", async () => {
    const [a, b] = [use({ strength: 0.7 }), use({ control: grey(30) })]
    const one = requests.slice(0, 1)
    const chained = await pictures(one, { adapters: [...a, ...b] })
    const swapped = await pictures(one, { adapters: [...b, ...a] })
    const summed = await pictures(one, { adapters: [...a, ...b], combine: "sum" })
    const summedSwapped = await pictures(one, { adapters: [...b, ...a], combine: "sum" })
    expect(largestDifference(chained[0], swapped[0])).toBeGreaterThan(0)
    expect(largestDifference(chained[0], summed[0])).toBeGreaterThan(0)
    expect(largestDifference(summed[0], summedSwapped[0])).toBeLessThanOrEqual(1)
  })

  it("leaves no tensor behind, whether it ends, is left or is aborted", async () => {
    const before = tf.memory().numTensors
    await pictures(requests, { adapters: use() })
    expect(tf.memory().numTensors).toBe(before)
    for await (const event of generate(sdxl, requests, base)) if (event.kind === "step") break
    expect(tf.memory().numTensors).toBe(before)
    const controller = new AbortController()
    const aborted = (async () => {
      for await (const event of generate(sdxl, requests, { ...base, signal: controller.signal })) {
        if (event.kind === "step") controller.abort(new Error("enough"))
      }
    })()
    await expect(aborted).rejects.toThrow("enough")
    expect(tf.memory().numTensors).toBe(before)
  })

  it("stops at any pause: in the text encoders, before a pass of the U-Net, in the decoder", async () => {
    const before = tf.memory().numTensors
    const stopAt = async (last: number): Promise<number> => {
      const controller = new AbortController()
      let pauses = 0
      const pause = async (): Promise<void> => {
        if (++pauses === last) controller.abort(new Error("enough"))
      }
      // Heun's method evaluates twice in a step.
      const options = { sampler: "heun", steps: 2, signal: controller.signal, pause } as const
      const work = pictures(requests.slice(0, 1), options)
      if (last < Number.POSITIVE_INFINITY) await expect(work).rejects.toThrow("enough")
      else await work
      expect(tf.memory().numTensors).toBe(before)
      return pauses
    }
    const all = await stopAt(Number.POSITIVE_INFINITY)
    // Four layers and three evaluations are the least, and the decoder has more than ten blocks.
    expect(all).toBeGreaterThan(4 + 3 + 10)
    // `stopping.test.ts` tries every pause of the autoencoder.
    for (const last of [1, 3, 6, all - 20, all - 10, all]) expect(await stopAt(last)).toBe(last)
  })

  it.each([
    [{ width: 70 }, "width is 70, expected a multiple of 8. The nearest is 72."],
    [{ steps: 0 }, "steps is 0, expected a whole number from 1 to 1000"],
    [{ guidanceScale: Number.NaN }, "guidanceScale is NaN"],
    [{ width: 96 }, "a control image is 64×64 px, the picture 96×64"],
  ])("refuses %o before it starts", async (changes, message) => {
    await expect(pictures(requests, { ...changes, adapters: use() })).rejects.toThrow(message)
  })

  it("refuses a window that ends before it starts, and a wrong number of controls", async () => {
    await expect(pictures(requests, { adapters: use({ start: 0.8, end: 0.2 }) })).rejects.toThrow("0 ≤ start ≤ end ≤ 1")
    const three = [grey(1), grey(2), grey(3)]
    await expect(pictures(requests, { adapters: use({ control: three }) })).rejects.toThrow(
      "3 control images for 2 pictures",
    )
  })
})

function largestDifference(a: RgbImage | undefined, b: RgbImage | undefined): number {
  if (a === undefined || b === undefined) throw new Error("a picture is missing")
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] ?? Number.NaN))), 0)
}
