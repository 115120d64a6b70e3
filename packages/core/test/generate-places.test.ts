import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { SizeCondition } from "../src/diffusion/index.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse, GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate, planSampling } from "../src/index.ts"
import type { LlliteParams, Sdxl, StrengthPlace } from "../src/models/index.ts"
import { disposeLllite } from "../src/models/index.ts"
import { createStream } from "../src/random/index.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const WIDTH = 96
const HEIGHT = 64
const BASE: GenerateOptions = { width: WIDTH, height: HEIGHT, steps: 2, guidanceScale: 4 }
/** Members of a batch that differ in all that a member has. */
const STAR: PictureRequest = { prompt: "a red star", negativePrompt: "a blue ring", seed: 1 }
const RING: PictureRequest = { prompt: "two rings", negativePrompt: "green", seed: 7 }

function picture(seed: number): RgbImage {
  const data = createStream(seed, "control").integers(WIDTH * HEIGHT * 3, 0, 256)
  return { width: WIDTH, height: HEIGHT, data: Uint8Array.from(data) }
}

/* Sides, rows of a batch and noise levels: numbers of one type that are easy to take for each other. */
describe("generation of pictures that are not square, from members that differ", () => {
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

  const use = (changes: Partial<AdapterUse> = {}): readonly AdapterUse[] => [
    { lllite, control: picture(1), ...changes },
  ]

  /** The estimate of the first step, a list for each member. It shows differences that pixels round away. */
  async function estimates(members: readonly PictureRequest[], changes: Partial<GenerateOptions> = {}) {
    for await (const event of generate(sdxl, members, { ...BASE, ...changes })) {
      if (event.kind !== "step") continue
      const { shape } = event.denoised
      const values = await event.denoised.data<"float32">()
      const size = values.length / members.length
      return { shape, rows: members.map((_, i) => values.slice(i * size, (i + 1) * size)) }
    }
    throw new Error("no step")
  }
  const estimate = async (member: PictureRequest, changes: Partial<GenerateOptions> = {}): Promise<Float32Array> =>
    (await estimates([member], changes)).rows[0] ?? new Float32Array()

  it("conditions on height before width: of the original, of the crop's corner and of the target", async () => {
    const plain: SizeCondition = { original: [HEIGHT, WIDTH], crop: [0, 0], target: [HEIGHT, WIDTH] }
    const usual = await estimate(STAR)
    expect(await estimate(STAR, { size: plain })).toEqual(usual)
    const others: readonly SizeCondition[] = [
      { ...plain, original: [WIDTH, HEIGHT] },
      { ...plain, target: [WIDTH, HEIGHT] },
      { ...plain, crop: [32, 0] },
      { ...plain, crop: [0, 32] },
    ]
    const seen = [usual]
    for (const size of others) {
      const values = await estimate(STAR, { size })
      for (const other of seen) expect(largestDifference(values, other)).toBeGreaterThan(1e-6)
      seen.push(values)
    }
  })

  it("has latents of as many rows as the height has, and a picture of the asked sides", async () => {
    expect((await estimates([STAR])).shape).toEqual([1, HEIGHT / 8, WIDTH / 8, 4])
    for await (const event of generate(sdxl, [STAR], { ...BASE, steps: 1 })) {
      if (event.kind === "image") expect([event.image.width, event.image.height]).toEqual([WIDTH, HEIGHT])
    }
  })

  it("gives every member its own prompt, negative prompt, seed and control", async () => {
    const controls = [picture(1), picture(2)] as const
    const { rows } = await estimates([STAR, RING], { adapters: use({ control: controls }) })
    for (const [i, member] of [STAR, RING].entries()) {
      const [own, other] = i === 0 ? controls : [controls[1], controls[0]]
      const alone = (one: PictureRequest, control: RgbImage = own) => estimate(one, { adapters: use({ control }) })
      expect(largestDifference(rows[i], await alone(member))).toBeLessThan(1e-4)
      const unlike = i === 0 ? RING : STAR
      // Each of the four has an effect, or the line above would say nothing about it.
      for (const changed of [
        await alone({ ...member, prompt: unlike.prompt }),
        await alone({ ...member, negativePrompt: unlike.negativePrompt ?? "" }),
        await alone({ ...member, seed: unlike.seed }),
        await alone(member, other),
      ]) {
        expect(largestDifference(rows[i], changed)).toBeGreaterThan(1e-3)
      }
    }
  })

  it("goes from the negative prompt at scale 0 to the prompt at 1, and as far again at 2", async () => {
    const negative = await estimate(STAR, { guidanceScale: 0 })
    const prompt = await estimate(STAR, { guidanceScale: 1 })
    const beyond = await estimate(STAR, { guidanceScale: 2 })
    const asPrompt = await estimate({ prompt: STAR.negativePrompt ?? "", seed: STAR.seed }, { guidanceScale: 1 })
    expect(largestDifference(negative, asPrompt)).toBeLessThan(1e-4)
    expect(largestDifference(negative, prompt)).toBeGreaterThan(1e-2)
    const expected = prompt.map((value, i) => 2 * value - (negative[i] ?? Number.NaN))
    expect(largestDifference(beyond, expected)).toBeLessThan(1e-4)
  })

  it("takes an empty prompt where there is no negative one", async () => {
    const { prompt, seed } = STAR
    expect(await estimate({ prompt, seed })).toEqual(await estimate({ prompt, seed, negativePrompt: "" }))
  })

  it("asks an adapter inside its window alone, which counts from noise to picture and holds its ends", async () => {
    const steps = 4
    const { levels, schedule } = planSampling({ steps })
    const last = schedule.alphasCumprod.length - 1
    const passes = levels.sigmas.slice(0, -1).map((sigma) => levels.timestepOf(sigma))
    const places = passes.map((timestep) => 1 - timestep / last)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    const asked = async (start: number, end: number): Promise<readonly number[]> => {
      const seen = new Set<number>()
      const strength = ({ position }: StrengthPlace): number => {
        seen.add(position.timestep)
        return 0
      }
      const options = { ...BASE, steps, guidanceScale: 1, adapters: use({ start, end, strength }) }
      for await (const event of generate(sdxl, [STAR], options))
        if (event.kind === "step" && event.step === steps) break
      return [...seen]
    }
    const [first = 0, second = 0, third = 0] = places
    expect(await asked(0, 1)).toEqual(passes)
    expect(await asked(0, second)).toEqual(passes.slice(0, 2))
    expect(await asked(second, third)).toEqual(passes.slice(1, 3))
    expect(await asked(third, 1)).toEqual(passes.slice(2))
    expect(await asked(first + 1e-6, second - 1e-6)).toEqual([])
  })

  it("gives each row of a batch the strength of its picture and its half of guidance", async () => {
    const members = [STAR, RING]
    const control = [picture(1), picture(2)]
    const strength = ({ row }: StrengthPlace): number => (row.picture === 1 && row.guidance === "cond" ? 1 : 0)
    const { rows } = await estimates(members, { adapters: use({ control, strength }) })
    expect(largestDifference(rows[0], await estimate(STAR))).toBeLessThan(1e-4)
    const steered = await estimate(RING, { guidanceScale: 1, adapters: use({ control: picture(2) }) })
    const negative = await estimate(RING, { guidanceScale: 0 })
    const expected = steered.map((value, i) => {
      const from = negative[i] ?? Number.NaN
      return from + 4 * (value - from)
    })
    expect(largestDifference(rows[1], expected)).toBeLessThan(1e-4)
    expect(largestDifference(rows[1], await estimate(RING))).toBeGreaterThan(1e-2)
  })

  it("numbers its steps from 1, with the plan's levels, and its pictures from 0, with their seeds", async () => {
    const { levels } = planSampling({ steps: 2 })
    const events: unknown[] = []
    for await (const event of generate(sdxl, [STAR, RING], { ...BASE, guidanceScale: 1 })) {
      if (event.kind === "step") events.push([event.step, event.steps, event.sigma])
      else if (event.kind === "image") events.push([event.index, event.seed])
    }
    const [first, second] = levels.sigmas
    expect(events).toEqual([
      [1, 2, first],
      [2, 2, second],
      [0, STAR.seed],
      [1, RING.seed],
    ])
  })
})

function largestDifference(a: Float32Array | undefined, b: Float32Array): number {
  if (a === undefined) throw new Error("a member is missing")
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0)
}
