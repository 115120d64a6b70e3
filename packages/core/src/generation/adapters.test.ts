import type { NetworkLayer } from "@lllite/format"
import { unetTable } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import { passRows } from "../diffusion/pass-position.ts"
import type { RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import type { PreparedControl } from "../models/lllite/adapter.ts"
import { prepareControl } from "../models/lllite/adapter.ts"
import { withHole } from "../models/lllite/hole.ts"
import { layOutSlots } from "../models/lllite/layout.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import type { Tap } from "../models/taps.ts"
import { tapBefore } from "../models/taps.ts"
import type { Ops } from "../ops/ops.ts"
import { createStream } from "../random/stream.ts"
import type { AdapterUse, PreparedAdapter } from "./adapters.ts"
import { prepareAdapter, tapAt } from "./adapters.ts"
import type { Combination } from "./defaults.ts"
import type { DeltaMeter } from "./delta-meter.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
/** The queries of the middle's first self-attention. It has a token for each 32×32 pixels. */
const SITE = enumerateSites(LAYOUT).filter(({ section }) => section === "middle")[0] as ReturnType<
  typeof enumerateSites
>[number]
const LAYER = unetTable(LAYOUT).byPath.get(SITE.path) as NetworkLayer

const WIDTH = 96
const HEIGHT = 64
const GRID = { height: 2, width: 3 }
/** The right four tokens. */
const REGION = { left: 32, top: 0, width: 64, height: 64 }

function picture(seed: number, width = WIDTH, height = HEIGHT): RgbImage {
  const values = createStream(seed, "picture").uniform(width * height * 3)
  return { width, height, data: Uint8Array.from(values, (value) => Math.floor(256 * value)) }
}

/** White where `isWhite` says so. */
function mask(isWhite: (x: number, y: number) => boolean, width = WIDTH, height = HEIGHT): RgbImage {
  const at = (i: number): number => (isWhite(Math.floor(i / 3) % width, Math.floor(i / 3 / width)) ? 255 : 0)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => at(i)) }
}

function lllite(seed: number, condChannels: 3 | 4 = 3): LlliteParams {
  const adapter = { site: SITE, condDim: 4, mlpDim: 3, ...(condChannels === 4 && { condChannels }) }
  const { slots, size } = layOutSlots([adapter])
  return uploadLllite({ adapters: [adapter], slots, values: createStream(seed, "values").normal(size) })
}

let ops: Ops
let before = 0
beforeAll(async () => {
  ops = await startWasm()
})
beforeEach(() => {
  before = tf.memory().numTensors
})
afterEach(() => {
  expect(tf.memory().numTensors).toBe(before)
})

/** What an adapter makes of its control: tokens by picture. */
function sharesOf({ shares }: PreparedControl): { pictures: number; tokens: number; values: readonly number[] } {
  const share = shares.get(SITE.key)?.share
  if (share === undefined) throw new Error("no share")
  return { pictures: share.shape[0], tokens: share.shape[1], values: [...share.dataSync()] }
}

function prepared(use: AdapterUse, pictures: number, region?: typeof REGION): ReturnType<typeof sharesOf> {
  const adapter = prepareAdapter({ ops }, use, pictures, region)
  const shares = sharesOf(adapter.control)
  adapter.dispose()
  return shares
}

function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length)
  expect(Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN))))).toBeLessThan(1e-4)
}

describe("a prepared control", () => {
  let three: LlliteParams
  let four: LlliteParams
  beforeEach(() => {
    three = lllite(1)
    four = lllite(2, 4)
  })
  afterEach(() => {
    disposeLllite(three)
    disposeLllite(four)
  })

  /** What one control alone gives. */
  const alone = (params: LlliteParams, images: Parameters<typeof prepareControl>[2]): readonly number[] => {
    const control = prepareControl(ops, params, images)
    const { values } = sharesOf(control)
    control.dispose()
    return values
  }
  const shown = (image: RgbImage): readonly number[] =>
    alone(three, { count: 1, width: image.width, height: image.height, data: imageToFloats(image) })
  const greyOf = ({ width, height, data }: RgbImage) => ({
    ...{ width, height },
    data: data.filter((_, i) => i % 3 === 0),
  })
  const holed = (image: RgbImage, hole: RgbImage): readonly number[] => alone(four, withHole(image, greyOf(hole)))
  const cut = ({ width, data }: RgbImage): RgbImage => ({
    ...{ width: REGION.width, height: REGION.height },
    data: data.filter((_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
      return x >= REGION.left && x < REGION.left + REGION.width && y < REGION.height
    }),
  })

  it("has a row for each picture, or one for all", () => {
    const images = [picture(1), picture(2)] as const
    const both = prepared({ lllite: three, control: images }, 2)
    expect([both.pictures, both.tokens]).toEqual([2, 6])
    expectClose(both.values, images.flatMap(shown))
    for (const control of [images[0], [images[0]]]) {
      const one = prepared({ lllite: three, control }, 3)
      expect(one.pictures).toBe(1)
      expectClose(one.values, shown(images[0]))
    }
  })

  it("is cut to the part that is seen", () => {
    const part = prepared({ lllite: three, control: picture(1) }, 1, REGION)
    expect(part.tokens).toBe(4)
    expectClose(part.values, shown(cut(picture(1))))
  })

  it.each([
    [0, 1],
    [2, 1],
    [2, 3],
    [3, 2],
  ])("is refused for %i controls and %i pictures", (controls, pictures) => {
    const control = Array.from({ length: controls }, (_, i) => picture(i))
    expect(() => prepared({ lllite: three, control }, pictures)).toThrow(
      expect.objectContaining({
        code: "control-count",
        message: `generate: ${controls} control images for ${pictures} pictures, expected 1 or ${pictures}`,
      }),
    )
  })

  it("has the hole of each picture, or one for all, or one picture for all", () => {
    const [a, b] = [picture(1), picture(2)]
    const [left, upper] = [mask((x) => x < 40), mask((_, y) => y < 32)]
    const use = (control: AdapterUse["control"], hole: NonNullable<AdapterUse["hole"]>) =>
      prepared({ lllite: four, control, hole }, 2)
    for (const [control, hole, wanted] of [
      [
        [a, b],
        [left, upper],
        [holed(a, left), holed(b, upper)],
      ],
      [[a, b], left, [holed(a, left), holed(b, left)]],
      [a, [left, upper], [holed(a, left), holed(a, upper)]],
      [a, left, [holed(a, left)]],
    ] as const) {
      const { pictures, values } = use(control, hole)
      expect(pictures).toBe(wanted.length)
      expectClose(values, wanted.flat())
    }
  })

  it("has a hole of another size at the picture's size, and both cut to the part that is seen", () => {
    const half = mask((x) => x < 20, WIDTH / 2, HEIGHT / 2)
    const use = { lllite: four, control: picture(1), hole: half }
    expectClose(
      prepared(use, 1).values,
      holed(
        picture(1),
        mask((x) => x < 40),
      ),
    )
    expectClose(prepared(use, 1, REGION).values, holed(cut(picture(1)), cut(mask((x) => x < 40))))
  })

  it("is refused with a hole that the LLLite does not read, or with another number of holes", () => {
    const hole = mask(() => true)
    expect(() => prepared({ lllite: three, control: picture(1), hole }, 1)).toThrow(
      expect.objectContaining({ code: "control-hole" }),
    )
    for (const [controls, holes] of [
      [2, 1],
      [1, 2],
    ]) {
      const [control, all] = [Array(controls).fill(picture(1)), Array(holes).fill(hole)]
      expect(() => prepared({ lllite: four, control, hole: all }, 3)).toThrow(
        expect.objectContaining({
          code: "control-count",
          message: `generate: ${controls} control images and ${holes} holes for 3 pictures, expected 1 or 3`,
        }),
      )
    }
  })
})

describe("the tap of adapters in a pass", () => {
  const position = { sigma: 1, timestep: 500, step: 0, steps: 1, between: false }
  const place = { position, rows: passRows(1, false), grid: GRID }

  /** What the layer reads with adapters that the window gives these factors. */
  function read(
    uses: readonly (Partial<AdapterUse> & { readonly seed: number })[],
    { combine = "chain", factor = () => 1 }: { combine?: Combination; factor?: (index: number) => number } = {},
  ): { readonly acts: boolean; readonly values: readonly number[] } {
    const x = tf.tensor(createStream(1, "x").normal(6 * SITE.inDim), [1, 6, SITE.inDim])
    const adapters: PreparedAdapter[] = uses.map(({ seed, ...use }) =>
      prepareAdapter({ ops }, { lllite: lllite(seed), control: picture(seed), ...use }, 1),
    )
    const index = new Map(adapters.map(({ use }, i) => [use as object, i]))
    const tap = tapAt(ops, adapters, (window) => factor(index.get(window) ?? -1), combine)
    const acts = tap.has(LAYER)
    const values = tf.tidy(() => [...(tapBefore(tap, [LAYER], x, place)[0] as Tensor).dataSync()])
    for (const adapter of adapters) {
      adapter.dispose()
      disposeLllite(adapter.use.lllite)
    }
    x.dispose()
    return { acts, values }
  }

  const plain = (): readonly number[] => [...createStream(1, "x").normal(6 * SITE.inDim)]
  const delta = (values: readonly number[]): readonly number[] => {
    const x = plain()
    return values.map((value, i) => value - (x[i] ?? 0))
  }
  const sum = (a: readonly number[], b: readonly number[]): readonly number[] =>
    a.map((value, i) => value + (b[i] ?? 0))
  const apart = (a: readonly number[], b: readonly number[]): number =>
    Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? 0))))

  it("is none outside of the window, at strength 0, and in blocks whose factor is 0", () => {
    expectClose(read([]).values, plain())
    expect(read([{ seed: 1 }]).acts).toBe(true)
    expect(apart(read([{ seed: 1 }]).values, plain())).toBeGreaterThan(0.1)
    for (const nothing of [
      read([{ seed: 1 }], { factor: () => 0 }),
      read([{ seed: 1, strength: 0 }]),
      read([{ seed: 1, blocks: { middle: 0 } }]),
      read([{ seed: 1, blocks: { "*": 0 } }]),
    ]) {
      expect(nothing.acts).toBe(false)
      expectClose(nothing.values, plain())
    }
    expect(read([{ seed: 1, blocks: { "input *": 0 } }])).toEqual(read([{ seed: 1 }]))
    expect(read([{ seed: 1, blocks: { middle: 0.5 } }]).acts).toBe(true)
  })

  it("adds as much as strength, window and block say", () => {
    const whole = delta(read([{ seed: 1 }]).values)
    for (const [use, factor, share] of [
      [{ strength: 0.5 }, 1, 0.5],
      [{ strength: 0.5 }, 0.5, 0.25],
      [{ blocks: { middle: 2 } }, 0.25, 0.5],
      [{ strength: [0.75] }, 1, 0.75],
      [{ cond: 0.25 }, 1, 0.25],
    ] as const) {
      const part = delta(read([{ seed: 1, ...use }], { factor: () => factor }).values)
      expectClose(
        part,
        whole.map((value) => share * value),
      )
    }
  })

  it("is measured, by the adapter's number, where a meter is given", () => {
    const adapters = [1, 2].map((seed) => prepareAdapter({ ops }, { lllite: lllite(seed), control: picture(seed) }, 1))
    const measured: number[] = []
    const meter = {
      measured: (index: number, tap: Tap): Tap => {
        measured.push(index)
        return tap
      },
    } as DeltaMeter
    tapAt(ops, adapters, (window) => (window === adapters[0]?.use ? 0 : 1), "chain", meter)
    expect(measured).toEqual([1])
    for (const adapter of adapters) {
      adapter.dispose()
      disposeLllite(adapter.use.lllite)
    }
  })

  it("chains adapters from the last to the first, or as ComfyUI the other way round, or sums what each adds", () => {
    const [a, b] = [delta(read([{ seed: 1 }]).values), delta(read([{ seed: 2 }]).values)]
    const both = (combine: Combination, seeds: readonly number[]): readonly number[] =>
      read(
        seeds.map((seed) => ({ seed })),
        { combine },
      ).values
    expectClose(both("sum", [1, 2]), sum(plain(), sum(a, b)))
    expectClose(both("chain-comfyui", [1, 2]), both("chain", [2, 1]))
    expect(apart(both("chain", [1, 2]), both("chain", [2, 1]))).toBeGreaterThan(1e-2)
    expect(apart(both("chain", [1, 2]), both("sum", [1, 2]))).toBeGreaterThan(1e-2)
    // What acts alone is not changed by one outside of its window.
    const only = { factor: (index: number) => (index === 1 ? 1 : 0) }
    expectClose(read([{ seed: 1 }, { seed: 2 }], only).values, sum(plain(), b))
  })

  it("acts where the mask is white, with the masks of a list, too", () => {
    const whole = delta(read([{ seed: 1 }]).values)
    const white = mask((x) => x < 32)
    for (const given of [white, [white]]) {
      const part = delta(read([{ seed: 1, mask: given }]).values)
      expectClose(
        part,
        whole.map((value, i) => (Math.floor(i / SITE.inDim) % GRID.width === 0 ? value : 0)),
      )
    }
    const soft = delta(read([{ seed: 1, mask: white, maskFeather: 64 }]).values)
    expect(apart(soft, delta(read([{ seed: 1, mask: white }]).values))).toBeGreaterThan(1e-3)
    expectClose(delta(read([{ seed: 1, mask: [] }]).values), whole)
  })
})
