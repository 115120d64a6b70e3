import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { LlliteModel, LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite, uploadLllite } from "../src/models/index.ts"
import type { CachedExample, GradientSource, TrainState } from "../src/training/index.ts"
import { createTrainState, LLLITE, objective, train } from "../src/training/index.ts"
import { drawnLllite, namedPicture, twoExamples } from "./drawn-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const schedule = createNoiseSchedule()
const sites = enumerateSites(SMALL_UNET.layout)
const dims = { condDim: 8, mlpDim: 8, condChannels: 4 } as const

const flat = (valueAt: (x: number) => number): RgbImage => ({
  ...{ width: 64, height: 64 },
  data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => valueAt(Math.floor(i / 3) % 64)),
})
const [nothing, left] = [flat(() => 0), flat((x) => (x < 32 ? 255 : 0))]

/** All values are drawn. */
function drawn(channels: 3 | 4): LlliteModel {
  return drawnLllite(sites, channels === 4 ? dims : { condDim: dims.condDim, mlpDim: dims.mlpDim })
}

describe("an LLLite for inpainting", () => {
  let sdxl: Sdxl
  let examples: CachedExample[]
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    examples = await twoExamples(sdxl, (index) => `image ${index}`)
  })
  afterAll(() => sdxl.dispose())

  it("learns with another hole at each step, and continues bit for bit", async () => {
    const run = async (state: TrainState, steps: number): Promise<TrainState> => {
      const gradients: GradientSource = (model, tasks) =>
        Promise.all(
          tasks.map(({ step }) => objective(sdxl, schedule, LLLITE, model, { seed: 5, step, firstRow: 0, examples })),
        )
      const running = train(state, examples, { gradients }, { steps, batchSize: 2, seed: 5, learningRate: 1e-2 })
      for (;;) {
        const next = await running.next()
        if (next.done === true) return next.value
      }
    }
    const begin = (): TrainState => createTrainState(sites, dims, 5, { controls: [namedPicture("image 0")] })
    const start = begin().model.values
    const whole = await run(begin(), 3)
    const half = structuredClone(await run(begin(), 1))
    expect((await run(half, 3)).model.values).toEqual(whole.model.values)
    const still = whole.model.slots.filter(({ offset, size }) =>
      whole.model.values.subarray(offset, offset + size).every((value, i) => value === start[offset + i]),
    )
    expect(still.map(({ key }) => key)).toEqual([])
    const first = whole.model.slots.find(({ name }) => name === "conditioning1.0.weight")
    expect(first?.fileShape).toEqual([4, 4, 4, 4])
  })

  it("has the same gradients for a row in any part of a batch", async () => {
    const model = drawn(4)
    const part = (firstRow: number, some: readonly CachedExample[]) =>
      objective(sdxl, schedule, LLLITE, model, { seed: 5, step: 2, firstRow, examples: some })
    const held = tf.memory().numTensors
    const [whole, a, b] = [
      await part(0, examples),
      await part(0, examples.slice(0, 1)),
      await part(1, examples.slice(1)),
    ]
    expect(tf.memory().numTensors).toBe(held)
    expect((a.loss + b.loss) / 2).toBeCloseTo(whole.loss, 5)
  })

  describe("in pictures", () => {
    const loaded = new Map<3 | 4, LlliteParams>()
    const lllite = (channels: 3 | 4): LlliteParams => {
      const known = loaded.get(channels) ?? uploadLllite(drawn(channels))
      loaded.set(channels, known)
      return known
    }
    afterAll(() => {
      for (const params of loaded.values()) disposeLllite(params)
    })
    const drawnWith = async (use: Omit<AdapterUse, "lllite">, channels: 3 | 4 = 4): Promise<RgbImage> => {
      const adapters = [{ lllite: lllite(channels), ...use }]
      const requests = [{ prompt: "a red star", seed: 1 }]
      for await (const event of generate(sdxl, requests, {
        width: 64,
        height: 64,
        steps: 2,
        guidanceScale: 1,
        adapters,
      })) {
        if (event.kind === "image") return event.image
      }
      throw new Error("there is no picture")
    }
    const control = namedPicture("control")

    it("does not see the control inside of its hole", async () => {
      const data = control.data.slice()
      for (let i = 0; i < data.length; i++) if (Math.floor(i / 3) % 64 < 32) data[i] = 255 - (data[i] ?? 0)
      const other = { ...control, data }
      expect(await drawnWith({ control, hole: left })).toEqual(await drawnWith({ control: other, hole: left }))
      expect(await drawnWith({ control, hole: nothing })).not.toEqual(
        await drawnWith({ control: other, hole: nothing }),
      )
    })

    it("sees where the hole is", async () => {
      const grey = flat(() => 128)
      expect(await drawnWith({ control: grey, hole: left })).not.toEqual(
        await drawnWith({ control: grey, hole: nothing }),
      )
    })

    it("is refused without a hole, or with a wrong one, and others with one", async () => {
      await expect(drawnWith({ control })).rejects.toMatchObject({ code: "control-hole" })
      await expect(drawnWith({ control, hole: left }, 3)).rejects.toMatchObject({ code: "control-hole" })
      await expect(drawnWith({ control, hole: [left, left] })).rejects.toThrow("2 holes for 1 pictures")
      const small = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) }
      await expect(drawnWith({ control, hole: small })).rejects.toThrow("a hole is 32×32 px, the picture 64×64")
    })
  })
})
