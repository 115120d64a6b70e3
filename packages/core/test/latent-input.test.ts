import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import { prepareAdapter } from "../src/generation/index.ts"
import { cropImage } from "../src/image/crop.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { LlliteModel, Sdxl } from "../src/models/index.ts"
import { disposeLllite, prepareControl, uploadLllite } from "../src/models/index.ts"
import type { CachedExample, FirstControl, GradientSource, TrainState } from "../src/training/index.ts"
import { createTrainState, LLLITE, objective, train } from "../src/training/index.ts"
import { drawnLllite, namedPicture, twoExamples } from "./drawn-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const schedule = createNoiseSchedule()
const sites = enumerateSites(SMALL_UNET.layout)
const dims = { condDim: 8, mlpDim: 8, condInput: "latent" } as const

describe("an LLLite that reads latents of its control", () => {
  let sdxl: Sdxl
  let examples: CachedExample[]
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    examples = await twoExamples(sdxl, (index) => `control ${index}`, { controlLatents: true })
  })
  afterAll(() => sdxl.dispose())

  const lossOf = (model: LlliteModel, gradientCheckpointing = false, rows: readonly CachedExample[] = examples) =>
    objective(
      sdxl,
      schedule,
      LLLITE,
      model,
      { seed: 5, step: 4, firstRow: 0, examples: rows },
      { gradientCheckpointing },
    )

  it.each([
    [false, {}],
    [true, {}],
    [false, { sharedTrunk: true }],
  ])("has the derivatives of the loss (checkpointing %s, %j)", async (checkpointing, form) => {
    const model = drawnLllite(sites, { ...dims, ...form })
    const { gradients } = await lossOf(model, checkpointing)
    const held = tf.memory().numTensors
    await lossOf(model, checkpointing)
    expect(tf.memory().numTensors).toBe(held)
    // One value changes the loss by less than its rounding. All conditioners together, along their slope, change it more.
    const along = new Float32Array(gradients.length)
    for (const { name, offset, size } of model.slots) {
      if (name.startsWith("conditioning1.")) along.set(gradients.subarray(offset, offset + size), offset)
    }
    const length = Math.hypot(...along)
    const lossAt = async (shift: number): Promise<number> => {
      const values = model.values.map((value, i) => value + (shift * (along[i] ?? 0)) / length)
      return (await lossOf({ ...model, values }, checkpointing)).loss
    }
    const slope = ((await lossAt(0.1)) - (await lossAt(-0.1))) / 0.2
    expect(length).toBeGreaterThan(1e-4)
    expect(Math.abs(slope - length)).toBeLessThan(0.02 * length)
  })

  it("learns from every value, and continues bit for bit", async () => {
    const run = async (state: TrainState, steps: number): Promise<TrainState> => {
      const gradients: GradientSource = async (model) => [await lossOf(model)]
      const running = train(state, examples, { gradients }, { steps, batchSize: 2, seed: 5, learningRate: 1e-2 })
      for (;;) {
        const next = await running.next()
        if (next.done === true) return next.value
      }
    }
    const [{ controlLatents: latents = new Float32Array(0) }] = examples as [CachedExample]
    const control: FirstControl = { ...namedPicture("control 0"), latents }
    const begin = (): TrainState => createTrainState(sites, dims, 5, { controls: [control] })
    const start = begin().model.values
    expect(start).not.toEqual(createTrainState(sites, dims, 5).model.values)
    const whole = await run(begin(), 3)
    const half = structuredClone(await run(begin(), 1))
    expect((await run(half, 3)).model.values).toEqual(whole.model.values)
    const still = whole.model.slots.filter(({ offset, size }) =>
      whole.model.values.subarray(offset, offset + size).every((value, i) => value === start[offset + i]),
    )
    expect(still.map(({ key }) => key)).toEqual([])
  })

  it("is refused without latents, and says so", async () => {
    const model = drawnLllite(sites, dims)
    const bare = await twoExamples(sdxl, (index) => `control ${index}`)
    await expect(lossOf(model, false, bare)).rejects.toMatchObject({ code: "control-latents" })
    expect(() => createTrainState(sites, dims, 5, { controls: [namedPicture("control 0")] })).toThrow(/there are none/)
    const params = uploadLllite(model)
    const images = { count: 1, width: 64, height: 64, data: new Float32Array(64 * 64 * 3) }
    expect(() => prepareControl(sdxl.ops, params, images)).toThrow("reads its control as latents, and there are none")
    disposeLllite(params)
  })

  describe("in pictures", () => {
    const params: ReturnType<typeof uploadLllite>[] = []
    const lllite = () => {
      const [first = uploadLllite(drawnLllite(sites, dims))] = params
      params[0] = first
      return first
    }
    afterAll(() => params.forEach(disposeLllite))
    const drawnWith = async (use: Omit<AdapterUse, "lllite">): Promise<RgbImage> => {
      const sides = { width: 64, height: 64, steps: 2, guidanceScale: 1 }
      const adapters = [{ lllite: lllite(), ...use }]
      for await (const event of generate(sdxl, [{ prompt: "a red star", seed: 1 }], { ...sides, adapters })) {
        if (event.kind === "image") return event.image
      }
      throw new Error("there is no picture")
    }

    it("follows its control, and keeps no tensor", async () => {
      const first = await drawnWith({ control: namedPicture("control") })
      const held = tf.memory().numTensors
      expect(await drawnWith({ control: namedPicture("control") })).toEqual(first)
      expect(tf.memory().numTensors).toBe(held)
      const other = await drawnWith({ control: namedPicture("another") })
      expect(other).not.toEqual(first)
      expect(await drawnWith({ control: namedPicture("another"), strength: 0 })).toEqual(
        await drawnWith({ control: namedPicture("control"), strength: 0 }),
      )
    })

    it("encodes the part of its control that a tile shows", async () => {
      const control = namedPicture("control")
      const region = { top: 0, left: 32, height: 64, width: 32 }
      const cut = cropImage(control, region)
      const sharesOf = async (picture: RgbImage, part: typeof region | null): Promise<readonly Float32Array[]> => {
        const adapter = prepareAdapter(sdxl, { lllite: lllite(), control: picture }, 1, part)
        const shares = await Promise.all(
          [...adapter.control.shares.values()].map(({ share }) => share.data<"float32">()),
        )
        adapter.dispose()
        return shares
      }
      const shown = await sharesOf(control, region)
      expect(shown).toEqual(await sharesOf(cut, null))
      expect(shown[0]?.length).toBe(((await sharesOf(control, null))[0]?.length ?? 0) / 2)
    })

    it("is refused with a hole", async () => {
      const hole = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) }
      await expect(drawnWith({ control: namedPicture("control"), hole })).rejects.toMatchObject({
        code: "control-hole",
      })
    })
  })
})
