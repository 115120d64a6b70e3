import { openSafetensors } from "@lllite/format"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { prepareAdapter } from "../src/generation/adapters.ts"
import type { ConditionOptions } from "../src/generation/conditions.ts"
import { prepareControlNet } from "../src/generation/control-nets.ts"
import { createDeltaMeter } from "../src/generation/delta-meter.ts"
import type { LatentDenoiserOptions } from "../src/generation/denoise-latents.ts"
import type { PartUse } from "../src/generation/part-settings.ts"
import { prepareViews } from "../src/generation/part-views.ts"
import { prepareParts } from "../src/generation/prompt-parts.ts"
import { prepareTiles } from "../src/generation/tiled-network.ts"
import type { AdapterUse, PictureRequest } from "../src/index.ts"
import { createLatentDenoiser, encodeConditions, planSampling } from "../src/index.ts"
import type { LlliteParams, Sdxl, StrengthPlace } from "../src/models/index.ts"
import { controlNet, createTextKeyCache, disposeLllite, loadControlNet, unet } from "../src/models/index.ts"
import { vectorDimOf } from "../src/models/unet/config.ts"
import { createFeatureCache } from "../src/models/unet/feature-cache.ts"
import { disposeParams } from "../src/params.ts"
import { controlNetBytes } from "../testing/controlnet-file.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl, createSyntheticUnet, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/* Estimates of single passes. Each is put together from those of single prompts, by the formula of its guidance. */

const [ROWS, COLUMNS] = [4, 8]
const SIZE = { original: [300, 500], crop: [0, 0], target: [32, 64] } as const
const NEGATIVE_SIZE = { original: [100, 80], crop: [8, 0], target: [32, 64] } as const
const plan = planSampling({ steps: 4 })
const SIGMA = plan.levels.sigmas[1] ?? 0
const AT = { step: 1, steps: 4, between: false }

/** Members of a batch that have nothing in common. */
const STAR: PictureRequest = { prompt: "a red star", negativePrompt: "fog", seed: 1 }
const RING: PictureRequest = { prompt: "two rings", negativePrompt: "a green moon", seed: 7 }

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

/** The latents of two members. */
const LATENTS = signal("latents", [2, ROWS, COLUMNS, 4]).map((value) => 3 * value)
const [FIRST, SECOND] = [LATENTS.slice(0, LATENTS.length / 2), LATENTS.slice(LATENTS.length / 2)]

interface Run extends Partial<LatentDenoiserOptions> {
  readonly latents?: Float32Array
  readonly guided?: boolean
  readonly conditions?: Partial<ConditionOptions>
  readonly model?: Sdxl
  /** Passes at the same place. Default: 1, and the last one is returned. */
  readonly passes?: number
  /** Whether what the pass was given keeps tensors, such as shares of parts. Default: false. */
  readonly isKept?: boolean
}

/** The estimate of a pass. Nothing stays but what it was given. */
async function estimate(
  requests: readonly PictureRequest[],
  {
    latents = FIRST,
    guided = false,
    conditions: texts = {},
    model = sdxl,
    passes = 1,
    isKept = false,
    ...options
  }: Run = {},
): Promise<Float32Array> {
  const before = tf.memory().numTensors
  const conditions = encodeConditions(model, requests, { guided, size: SIZE, negativeSize: NEGATIVE_SIZE, ...texts })
  const denoise = createLatentDenoiser(model, conditions, plan, { guidanceScale: 1, ...options })
  const x = tf.tensor4d(latents, [latents.length / FIRST.length, ROWS, COLUMNS, 4])
  let values = new Float32Array()
  try {
    for (let i = 0; i < passes; i++) {
      const made = await denoise(x, SIGMA, AT)
      values = Float32Array.from(await made.data<"float32">())
      made.dispose()
    }
  } finally {
    conditions.dispose()
    x.dispose()
    if (!isKept) expect(tf.memory().numTensors).toBe(before)
  }
  return values
}

/** The estimate of a text alone. A negative text has the negative size. */
const alone = (prompt: string, { isNegative = false, ...run }: Run & { readonly isNegative?: boolean } = {}) =>
  estimate([{ prompt, seed: 1 }], { ...run, ...(isNegative ? { conditions: { size: NEGATIVE_SIZE } } : {}) })

/** A sum of estimates, each with its factor. */
function sum(...terms: readonly (readonly [factor: number, values: Float32Array])[]): Float32Array {
  return Float32Array.from(FIRST, (_, i) => terms.reduce((all, [factor, values]) => all + factor * (values[i] ?? 0), 0))
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))))
}
const near = (a: Float32Array, b: Float32Array): void => expect(apart(a, b)).toBeLessThan(2e-3)
const far = (a: Float32Array, b: Float32Array): void => expect(apart(a, b)).toBeGreaterThan(2e-2)

describe("a guided pass", () => {
  it("goes from each member's negative prompt to its prompt, and beyond", async () => {
    const both = await estimate([STAR, RING], { latents: LATENTS, guided: true, guidanceScale: 3 })
    for (const [i, { prompt, negativePrompt = "" }] of [STAR, RING].entries()) {
      const latents = i === 0 ? FIRST : SECOND
      const [towards, from] = [
        await alone(prompt, { latents }),
        await alone(negativePrompt, { latents, isNegative: true }),
      ]
      far(towards, from)
      near(both.slice(i * FIRST.length, (i + 1) * FIRST.length), sum([3, towards], [-2, from]))
    }
  })

  it("has the prompts' rows alone outside of the window of guidance, unless the prompt has several parts", async () => {
    const outside = { guided: true, guidanceScale: 3, guidanceWindow: { start: 0.999, end: 1 } }
    near(await estimate([STAR], outside), await alone(STAR.prompt))
    const inside = { ...outside, guidanceWindow: { start: 0, end: 0.999 } }
    near(await estimate([STAR], inside), await estimate([STAR], { guided: true, guidanceScale: 3 }))
    const composed = [{ ...STAR, prompt: "a red star AND two rings" }]
    near(await estimate(composed, outside), await estimate(composed, { guided: true, guidanceScale: 3 }))
  })

  it("adds up the parts of a prompt by their weights, from the negative prompt", async () => {
    const composed = [{ ...STAR, prompt: "a red star AND two rings :0.5 AND a cat :-1" }]
    const [star, rings, cat] = [await alone("a red star"), await alone("two rings"), await alone("a cat")]
    const fog = await alone("fog", { isNegative: true })
    // 1 - 3 · (1 + 0.5 - 1)
    const wanted = sum([3, star], [1.5, rings], [-3, cat], [-0.5, fog])
    near(await estimate(composed, { guided: true, guidanceScale: 3 }), wanted)
  })

  it("begins at the empty prompt where the negative prompt has a scale of its own, also with several parts", async () => {
    const fromEmpty = { guided: true, guidanceScale: 3, negativeScale: 2, conditions: { fromEmpty: true } }
    const [star, rings] = [await alone("a red star"), await alone("two rings")]
    const [fog, empty] = [await alone("fog", { isNegative: true }), await alone("", { isNegative: true })]
    near(await estimate([STAR], fromEmpty), sum([3, star], [-2, fog], [0, empty]))
    const composed = [{ ...STAR, prompt: "a red star AND two rings" }]
    near(await estimate(composed, fromEmpty), sum([3, star], [3, rings], [-2, fog], [-3, empty]))
  })

  it("has the text's keys and values of each prompt's network, which change no estimate", async () => {
    let linears = 0
    const model: Sdxl = {
      ...sdxl,
      ops: {
        ...sdxl.ops,
        linear: (x, weight) => {
          linears += 1
          return sdxl.ops.linear(x, weight)
        },
      },
    }
    /** The layers that a second pass need not run. */
    const saved = async (request: PictureRequest, networks: number, run: Run): Promise<number> => {
      const plain = await estimate([request], run)
      const counts: number[] = []
      for (const passes of [1, 2, 3]) {
        const textKeys = Array.from({ length: networks }, createTextKeyCache)
        linears = 0
        near(await estimate([request], { ...run, model, passes, textKeys, isKept: true }), plain)
        counts.push(linears)
        for (const cache of textKeys) cache.dispose()
      }
      linears = 0
      await estimate([request], { ...run, model })
      const [one = 0, two = 0, three = 0] = counts
      // The first pass runs all layers, and all later passes as many.
      expect([one, three - two]).toEqual([linears, two - one])
      linears = 0
      await estimate([request], { ...run, model, passes: 2 })
      return linears - two
    }
    const one = await saved(STAR, 1, {})
    expect(one).toBeGreaterThan(0)
    const composed = { prompt: "a red star AND two rings", negativePrompt: "fog AND a cat", seed: 1 }
    const negativeParts = { uses: [{}, {}], shares: prepareParts([{}, {}]), views: [null, null] }
    const conditions = { fromEmpty: true, negativeParts: [{}, {}] }
    const four = { guided: true, guidanceScale: 3, negativeScale: 2, conditions, negativeParts, isKept: true }
    expect(await saved(composed, 4, four)).toBe(4 * one)
    negativeParts.shares.dispose()
  })

  it("has the deep features of each prompt's network, the last of them those of the empty prompt", async () => {
    const seen: string[] = []
    const caches = (names: readonly string[]) =>
      names.map((name) => {
        const cache = createFeatureCache({ interval: 2 })
        const begin: typeof cache.begin = (latents, shrink) => {
          seen.push(`${name} ${latents.shape[0]}`)
          return cache.begin(latents, shrink)
        }
        return [{ ...cache, begin }]
      })
    const features = caches(["first", "second", "empty"])
    const composed = [{ ...STAR, prompt: "a red star AND two rings" }]
    const run = { guided: true, guidanceScale: 3, negativeScale: 2, conditions: { fromEmpty: true } }
    near(await estimate(composed, { ...run, features, isKept: true }), await estimate(composed, run))
    // The first network has the rows of both first prompts.
    expect(seen).toEqual(["first 2", "second 1", "empty 1"])
    for (const [cache] of features) cache?.dispose()
  })

  it("mixes the parts of both prompts by their shares, each with the sizes of its side", async () => {
    const request = { prompt: "a red star AND two rings", negativePrompt: "fog AND a cat", seed: 1 }
    const uses = [{ strength: 1 }, { strength: 3 }]
    const own = () => ({ uses, shares: prepareParts(uses), views: [null, null] })
    const [parts, negativeParts] = [own(), own()]
    const [star, rings] = [await alone("a red star"), await alone("two rings")]
    const [fog, cat] = [await alone("fog", { isNegative: true }), await alone("a cat", { isNegative: true })]
    const run = { guided: true, guidanceScale: 3, isKept: true, conditions: { parts: uses, negativeParts: uses } }
    const kept = tf.memory().numTensors
    const [positive, both] = [
      await estimate([request], { ...run, parts, negativeParts: null }),
      await estimate([request], { ...run, parts, negativeParts }),
    ]
    near(positive, sum([0.75, star], [2.25, rings], [-2, fog]))
    near(both, sum([0.75, star], [2.25, rings], [-0.5, fog], [-1.5, cat]))
    for (const { shares } of [parts, negativeParts]) shares.dispose()
    expect(tf.memory().numTensors).toBe(kept)
  })
})

describe("a pass where parts see a piece of the picture", () => {
  it("has for each part what the network makes of its piece, by its share", async () => {
    const [left, right] = [0, 0.5].map((at) => ({ area: { left: at, top: 0, width: 0.5, height: 1 } }))
    const grid = { height: ROWS, width: COLUMNS }
    const given = { adapters: [], controlNets: [], pictures: 1 }
    const own = (uses: readonly PartUse[]) => ({
      ...{ uses, shares: prepareParts(uses) },
      ...prepareViews(sdxl, uses, grid, given),
    })
    const seeing = { ...left, sees: "area" } as const
    const [parts, negativeParts] = [own([seeing, right ?? {}]), own([right ?? {}, seeing])]
    /** The left half of the latents. */
    const inside = (i: number): boolean => Math.floor(i / 4) % COLUMNS < COLUMNS / 2
    /** The share of a part at each latent. */
    const shareOf = async (of: ReturnType<typeof own>, i: number): Promise<Float32Array> => {
      const share = of.shares.at(grid, () => 1).parts[i] as tf.Tensor
      const values = await share.data<"float32">()
      return FIRST.map((_, at) => values[Math.floor(at / 4)] ?? Number.NaN)
    }
    /** What the network takes away from the latents, of a piece of them. Nothing outside of it. */
    const taken = async (text: string, isNegative: boolean, isPiece: boolean): Promise<Float32Array> => {
      if (!isPiece) return (await alone(text, { isNegative })).map((value, i) => (FIRST[i] ?? Number.NaN) - value)
      const size = isNegative ? NEGATIVE_SIZE : SIZE
      const conditions = encodeConditions(sdxl, [{ prompt: text }], { guided: false, size })
      const denoise = createLatentDenoiser(sdxl, conditions, plan, { guidanceScale: 1 })
      const x = tf.tensor4d(
        FIRST.filter((_, i) => inside(i)),
        [1, ROWS, COLUMNS / 2, 4],
      )
      const made = await denoise(x, SIGMA, AT)
      const values = await tf.tidy(() => tf.sub(x, made)).data<"float32">()
      conditions.dispose()
      tf.dispose([x, made])
      let at = 0
      return FIRST.map((_, i) => (inside(i) ? (values[at++] ?? Number.NaN) : 0))
    }
    const times = (values: Float32Array, share: Float32Array) => values.map((value, i) => value * (share[i] ?? 0))
    const request = { prompt: "a red star AND two rings", negativePrompt: "fog AND a cat", seed: 1 }
    const conditions = { parts: parts.uses, negativeParts: negativeParts.uses }
    const run = { guided: true, guidanceScale: 3, isKept: true, conditions }
    const uncond = sum(
      [1, times(await taken("fog", true, false), await shareOf(negativeParts, 0))],
      [1, times(await taken("a cat", true, true), await shareOf(negativeParts, 1))],
    )
    const conds = [await taken("a red star", false, true), await taken("two rings", false, false)]
    const guided = async (negative: Float32Array): Promise<Float32Array> => {
      const towards = await Promise.all(
        conds.map(async (cond, i) => times(sum([1, cond], [-1, negative]), await shareOf(parts, i))),
      )
      return sum([1, FIRST], [-1, negative], ...towards.map((values) => [-3, values] as const))
    }
    near(await estimate([request], { ...run, parts, negativeParts }), await guided(uncond))
    near(await estimate([request], { ...run, parts }), await guided(await taken("fog", true, false)))
    for (const each of [parts, negativeParts]) {
      each.shares.dispose()
      each.dispose()
    }
  })
})

describe("a pass with a ControlNet", () => {
  it("adds what the ControlNet makes of the same input, by its strength, and leaves nothing", async () => {
    const layout = {
      unet: SMALL_UNET.layout,
      widths: { inChannels: 4, contextDim: SMALL_UNET.contextDim, vectorDim: vectorDimOf(SMALL_UNET) },
      middleBlocks: 2,
      hintChannels: 3,
      hintWidths: [16, 16, 32],
    } as const
    const file = await openSafetensors(controlNetBytes({ name: "net", layout, dtype: "F32" }))
    const entries = new Map([...file.tensors].map(([name, info]) => [name, { ...info, read: () => file.read(name) }]))
    const { params } = await loadControlNet({ label: "net", entries }, sdxl.ops.load, SMALL_UNET)
    const data = Uint8Array.from({ length: 192 * ROWS * COLUMNS }, (_, i) => (7 * Math.floor(i / 24)) % 256)
    const control = { width: 8 * COLUMNS, height: 8 * ROWS, data }
    const prepared = prepareControlNet(sdxl.ops, { controlNet: params, control, strength: 0.5 }, 1)
    const found = await estimate([STAR], { controlNets: [prepared] })
    const conditions = encodeConditions(sdxl, [STAR], { guided: false, size: SIZE })
    const wanted = tf.tidy(() => {
      const x = tf.tensor4d(FIRST, [1, ROWS, COLUMNS, 4])
      const latents = tf.div(x, Math.hypot(SIGMA, 1)) as Tensor4D
      const { context, vector } = conditions
      const input = { latents, timesteps: [plan.levels.timestepOf(SIGMA, false)], context, vector }
      const residuals = controlNet(sdxl.ops, params, input, [{ embedding: prepared.hint, type: 0 }])
      const half = (values: tf.Tensor) => tf.mul(values, 0.5) as Tensor4D
      const scaled = { skips: residuals.skips.map(half), middle: half(residuals.middle) }
      return tf.sub(x, tf.mul(unet(sdxl.ops, sdxl.unet, input, { residuals: scaled }), SIGMA))
    })
    near(found, await wanted.data<"float32">())
    expect(apart(found, await alone(STAR.prompt))).toBeGreaterThan(1e-2)
    conditions.dispose()
    wanted.dispose()
    prepared.dispose()
    disposeParams({ params })
  })
})

describe("a pass with adapters", () => {
  const control = {
    ...{ width: 8 * COLUMNS, height: 8 * ROWS },
    data: Uint8Array.from({ length: 192 * ROWS * COLUMNS }, (_, i) => (7 * Math.floor(i / 24)) % 256),
  }
  const prepared = (changes: Partial<AdapterUse> = {}, pictures = 1) =>
    prepareAdapter(sdxl, { lllite, control, ...changes }, pictures)

  it("tells a strength its place, and each row its picture and its side of guidance", async () => {
    const places: StrengthPlace[] = []
    const strength = (place: StrengthPlace): number => {
      places.push(place)
      return 0
    }
    const adapter = prepared({ strength }, 2)
    const run = { latents: LATENTS, guided: true, guidanceScale: 3 }
    const plain = await estimate([STAR, RING], run)
    near(await estimate([STAR, RING], { ...run, adapters: [adapter] }), plain)
    const rows = places.map(({ row }) => `${row.picture} ${row.guidance}`)
    expect([...new Set(rows)]).toEqual(["0 uncond", "1 uncond", "0 cond", "1 cond"])
    const positions = new Set(places.map(({ position: { step, steps, sigma } }) => `${step} of ${steps} at ${sigma}`))
    expect([...positions]).toEqual([`1 of 4 at ${SIGMA}`])
    places.length = 0
    // The pass of the empty prompt comes last.
    const fromEmpty = { ...run, negativeScale: 2, conditions: { fromEmpty: true } }
    await estimate([STAR, RING], { ...fromEmpty, adapters: [adapter] })
    expect(places.at(-1)?.row).toMatchObject({ picture: 1, guidance: "uncond" })
    places.length = 0
    await estimate([STAR, RING], { ...run, adapters: [adapter], guidanceWindow: { start: 0.999, end: 1 } })
    expect([...new Set(places.map(({ row }) => `${row.picture} ${row.guidance}`))]).toEqual(["0 cond", "1 cond"])
    adapter.dispose()
  })

  it("chains adapters in their order, and sums them where that is asked", async () => {
    const [a, b] = [prepared(), prepared({ strength: -0.5 })]
    const of = (adapters: readonly ReturnType<typeof prepared>[], combine?: "sum") =>
      estimate([STAR], { adapters, ...(combine === undefined ? {} : { combine }) })
    far(await of([a, b]), await of([]))
    expect(apart(await of([a, b]), await of([b, a]))).toBeGreaterThan(1e-4)
    expect(apart(await of([a, b], "sum"), await of([a, b]))).toBeGreaterThan(1e-4)
    near(await of([a, b], "sum"), await of([b, a], "sum"))
    for (const adapter of [a, b]) adapter.dispose()
  })

  it("is measured, once for each step", async () => {
    const [meter, adapter] = [createDeltaMeter(1, 1), prepared()]
    await estimate([STAR], { adapters: [adapter], meter })
    const [step, ...rest] = meter.steps()
    expect(rest).toEqual([])
    expect([step?.step, step?.sigma]).toEqual([2, SIGMA])
    expect(step?.adapters[0]?.[0]?.length).toBeGreaterThan(1)
    meter.dispose()
    adapter.dispose()
  })
})

describe("a pass in tiles", () => {
  const given = { adapters: [], controlNets: [], pictures: 1, regionsIn: () => null }

  it("shows an inpainting U-Net the part of the mask and of the picture that a tile has", async () => {
    const model = { ...sdxl, unet: await createSyntheticUnet(sdxl.ops, { inChannels: 9 }) }
    const channels = tf.tensor4d(signal("channels", [1, ROWS, COLUMNS, 5]), [1, ROWS, COLUMNS, 5])
    const tiles = prepareTiles(sdxl, { height: ROWS, width: COLUMNS }, { size: 32, overlap: 0 }, given)
    const done: string[] = []
    const tiled = await estimate([STAR], {
      ...{ model, channels, tiles, guided: true, guidanceScale: 3 },
      onTile: async ({ tile, tiles }) => void done.push(`${tile} of ${tiles}`),
    })
    expect(done).toEqual(["1 of 2"])
    for (const left of [0, COLUMNS / 2]) {
      const inside = <T extends tf.Tensor4D>(whole: T) => tf.slice(whole, [0, 0, left, 0], [1, ROWS, ROWS, -1])
      const [own, x] = tf.tidy(() => [inside(channels), inside(tf.tensor4d(FIRST, [1, ROWS, COLUMNS, 4]))])
      const conditions = encodeConditions(model, [STAR], { guided: true, size: SIZE, negativeSize: NEGATIVE_SIZE })
      const denoise = createLatentDenoiser(model, conditions, plan, { guidanceScale: 3, channels: own as Tensor4D })
      const made = await denoise(x as Tensor4D, SIGMA, AT)
      const wanted = tiled.filter((_, i) => Math.floor((Math.floor(i / 4) % COLUMNS) / ROWS) === left / ROWS)
      near(await made.data<"float32">(), wanted)
      conditions.dispose()
      tf.dispose([own, x, made])
    }
    tiles.dispose()
    channels.dispose()
  })

  it("waits before each pass, and stops there with the reason of its signal", async () => {
    const tiles = prepareTiles(sdxl, { height: ROWS, width: COLUMNS }, { size: 32, overlap: 0 }, given)
    const stop = new AbortController()
    let pauses = 0
    const pause = async (): Promise<void> => {
      if (++pauses === 2) stop.abort(new Error("enough"))
    }
    await expect(estimate([STAR], { tiles, pause, signal: stop.signal })).rejects.toThrow("enough")
    expect(pauses).toBe(2)
    tiles.dispose()
  })
})
