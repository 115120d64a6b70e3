import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { GenerateOptions } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { BlockVerbs, LlliteParams, Sdxl } from "../src/models/index.ts"
import { composedBlocks, createFeatureCache, disposeLllite, unet } from "../src/models/index.ts"
import { vectorDimOf } from "../src/models/unet/config.ts"
import { createStream } from "../src/random/index.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const BASE: GenerateOptions = { width: 64, height: 64, steps: 4, guidanceScale: 3 }

let sdxl: Sdxl
let lllite: LlliteParams
/** The blocks of every pass. */
let passes: string[][] = []
beforeAll(async () => {
  const blocks: BlockVerbs = {
    ...composedBlocks,
    forward: (on, block, input) => {
      if (block.name === "input 0") passes.push([])
      passes.at(-1)?.push(block.name)
      return composedBlocks.forward(on, block, input)
    },
  }
  sdxl = { ...(await createSyntheticSdxl(await startWasm())), blocks }
  lllite = actingLllite()
})
afterAll(() => {
  disposeLllite(lllite)
  sdxl.dispose()
})

async function draw(changes: Partial<GenerateOptions> = {}, prompt = "a red star"): Promise<RgbImage> {
  passes = []
  for await (const event of generate(sdxl, [{ prompt, seed: 1 }], { ...BASE, ...changes })) {
    if (event.kind === "image") return event.image
  }
  throw new Error("no picture")
}

const counts = (): readonly number[] => passes.map((blocks) => blocks.length)

function largest(a: RgbImage, b: RgbImage): number {
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] ?? 0))), 0)
}

describe("deep features kept between passes", () => {
  it("are the same as no cache at interval 1, bit for bit", async () => {
    const plain = await draw()
    expect(counts()).toEqual([19, 19, 19, 19])
    expect(await draw({ deepCache: { interval: 1 } })).toEqual(plain)
    expect(counts()).toEqual([19, 19, 19, 19])
  })

  it("leave out the deep blocks between full passes", async () => {
    const plain = await draw()
    const cached = await draw({ deepCache: { interval: 3, depth: 2 } })
    expect(counts()).toEqual([19, 4, 4, 19])
    expect(passes[1]).toEqual(["input 0", "input 1", "output 7", "output 8"])
    expect(largest(cached, plain)).toBeGreaterThan(0)
  })

  it("leave out the middle alone at the greatest depth", async () => {
    await draw({ deepCache: { interval: 2, depth: 9 } })
    expect(counts()).toEqual([19, 18, 19, 18])
    expect(passes[1]).not.toContain("middle")
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("give the same again for the same input, at depth %i", (depth) => {
    const { contextDim } = SMALL_UNET
    const normal = (path: string, shape: [number, number, number, number]): tf.Tensor4D =>
      tf.tensor4d(createStream(1, path).normal(shape.reduce((a, b) => a * b)), shape)
    tf.tidy(() => {
      const input = {
        latents: normal("latents", [2, 8, 8, 4]),
        timesteps: [700, 700],
        context: normal("context", [1, 2, 7, contextDim]).squeeze<tf.Tensor3D>([0]),
        vector: normal("vector", [1, 1, 2, vectorDimOf(SMALL_UNET)]).squeeze<tf.Tensor2D>([0, 1]),
      }
      // A residual on every skip and on the middle, of the sizes of their features.
      const [skips, middle]: [tf.Tensor4D[], tf.Tensor4D[]] = [[], []]
      unet(sdxl.ops, sdxl.unet, input, {
        blocks: {
          ...composedBlocks,
          forward: (on, block, read) => {
            const y = composedBlocks.forward(on, block, read)
            const residual = tf.keep(tf.mul<tf.Tensor4D>(y, 0.3))
            if (block.name.startsWith("input")) skips.push(residual)
            else if (block.name === "middle") middle.push(residual)
            else residual.dispose()
            return y
          },
        },
      }).dispose()
      const features = createFeatureCache({ interval: 2, depth })
      const residuals = { skips, middle: middle[0] ?? null }
      passes = []
      const run = (): Float32Array =>
        unet(sdxl.ops, sdxl.unet, input, {
          ...{ residuals, features },
          ...(sdxl.blocks === undefined ? {} : { blocks: sdxl.blocks }),
        }).dataSync<"float32">()
      const [full, cached] = [run(), run()]
      expect(counts()).toEqual([19, 2 * depth])
      expect(cached).toEqual(full)
      features.dispose()
      tf.dispose([skips, middle])
    })
  })

  it("count the passes of a sampler of second order", async () => {
    await draw({ sampler: "heun", steps: 3, deepCache: { interval: 2, depth: 1 } })
    expect(counts()).toEqual([19, 2, 19, 2, 19])
  })

  it("are fresh where guidance ends, where features change their size, and for each prompt", async () => {
    await draw({ guidanceWindow: { start: 0, end: 0.5 }, deepCache: { interval: 9, depth: 1 } })
    expect(counts().filter((count) => count === 19)).toHaveLength(2)
    const deepShrink = { levels: [{ depth: 3, timestep: 500 }] }
    await draw({ deepShrink, deepCache: { interval: 9, depth: 1 } })
    expect(counts().filter((count) => count === 19)).toHaveLength(2)
    await draw({ deepCache: { interval: 2, depth: 1 } }, "a red star AND a blue ring")
    expect(counts()).toEqual([19, 19, 2, 2, 19, 19, 2, 2])
  })

  it("run with latents that grow", async () => {
    const gradualLatent = { timestep: 900, everySteps: 1 }
    const image = await draw({ sampler: "euler_a", gradualLatent, deepCache: { interval: 9, depth: 1 } })
    expect(image.width).toBe(64)
    expect(counts().filter((count) => count === 19).length).toBeGreaterThan(1)
  })

  it("hold what an LLLite added to skipped blocks, and leave no tensor", async () => {
    const before = tf.memory().numTensors
    const control = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(200) }
    const adapters = [{ lllite, control, end: 0.2 }]
    const deepCache = { interval: 9, depth: 3 }
    const [plain, controlled] = [await draw({ deepCache }), await draw({ deepCache, adapters })]
    expect(largest(plain, controlled)).toBeGreaterThan(0)
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([
    [{ interval: 0 }, "deepCache: interval is 0, expected a whole number"],
    [{ interval: 2, depth: 10 }, "deepCache: depth is 10, expected a whole number"],
  ])("refuse %j", async (deepCache, message) => {
    await expect(draw({ deepCache })).rejects.toThrow(message)
  })
})
