import type { Site } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { GenerateOptions } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { Sdxl, Tap } from "../src/models/index.ts"
import { createTextKeyCache, unet } from "../src/models/index.ts"
import { vectorDimOf } from "../src/models/unet/config.ts"
import type { Ops } from "../src/ops/index.ts"
import { createStream } from "../src/random/index.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

let sdxl: Sdxl
/** Linear layers that ran. */
let count = 0
beforeAll(async () => {
  const made = await createSyntheticSdxl(await startWasm())
  const ops: Ops = {
    ...made.ops,
    linear(x, weight) {
      count += 1
      return made.ops.linear(x, weight)
    },
  }
  sdxl = { ...made, ops }
})
afterAll(() => sdxl.dispose())

describe("keys and values of the text", () => {
  const normal = (path: string, shape: number[]): tf.Tensor =>
    tf.tensor(createStream(1, path).normal(shape.reduce((a, b) => a * b)), shape)
  const input = () => ({
    latents: normal("latents", [2, 8, 8, 4]) as tf.Tensor4D,
    timesteps: [700, 700],
    context: normal("context", [2, 7, SMALL_UNET.contextDim]) as tf.Tensor3D,
    vector: normal("vector", [2, vectorDimOf(SMALL_UNET)]) as tf.Tensor2D,
  })

  it("are computed in the first pass alone, and change no bit", () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const [read, textKeys] = [input(), createTextKeyCache()]
      const run = (options: Parameters<typeof unet>[3] = {}): readonly [Float32Array, number] => {
        count = 0
        const values = unet(sdxl.ops, sdxl.unet, read, options).dataSync<"float32">()
        return [values, count]
      }
      const [plain, layers] = run()
      const [first, all] = run({ textKeys })
      const [second, fewer] = run({ textKeys })
      expect(first).toEqual(plain)
      expect(second).toEqual(plain)
      expect(all).toBe(layers)
      const isQuery = ({ attention, projection }: Site): boolean => attention === "cross" && projection === "q"
      // The default selection leaves out some blocks.
      const least = enumerateSites(SMALL_UNET.layout).filter(isQuery).length
      expect(least).toBeGreaterThan(0)
      expect(layers - fewer).toBeGreaterThanOrEqual(2 * least)
      textKeys.dispose()
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it("are computed in every pass where a tap acts on them", () => {
    tf.tidy(() => {
      const [read, textKeys] = [input(), createTextKeyCache()]
      let factor = 1
      const tap: Tap = {
        has: ({ path }) => path.endsWith("attn2_to_k") || path.endsWith("attn2.to_k"),
        after: (_, __, ys) => ys.map((y) => tf.mul(y, factor)),
      }
      const run = (): Float32Array => unet(sdxl.ops, sdxl.unet, read, { tap, textKeys }).dataSync<"float32">()
      const first = run()
      factor = 2
      const changed = run()
      expect(changed).not.toEqual(first)
      factor = 1
      expect(run()).toEqual(first)
      textKeys.dispose()
    })
  })

  it("are shared by the steps of a run, and freed after it", async () => {
    const draw = async (changes: Partial<GenerateOptions>): Promise<readonly [RgbImage, number]> => {
      count = 0
      for await (const event of generate(sdxl, [{ prompt: "a red star AND a ring", seed: 1 }], {
        ...{ width: 64, height: 64, guidanceScale: 3, ...changes },
      })) {
        if (event.kind === "image") return [event.image, count]
      }
      throw new Error("no picture")
    }
    const before = tf.memory().numTensors
    const [, one] = await draw({ steps: 1 })
    const [, two] = await draw({ steps: 2 })
    const [, three] = await draw({ steps: 3 })
    expect(three - two).toBe(two - one)
    expect(two - one).toBeLessThan(one)
    expect(tf.memory().numTensors).toBe(before)
  })
})
