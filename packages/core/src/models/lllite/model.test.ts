import { type LlliteFile, SDXL_LAYOUT, type Site, type SiteTensorName, siteTensorShapes } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { createStream } from "../../random/stream.ts"
import {
  type AdapterPlan,
  checkModel,
  flatStrides,
  fromFileLayout,
  layOutSlots,
  leafShapes,
  type Slot,
  toFileLayout,
} from "./layout.ts"
import { createLllite, fileTensor, fillLllite, llliteNotices, readLlliteModel } from "./model.ts"

const ALL = enumerateSites(SDXL_LAYOUT)
const DIMS = { condDim: 6, mlpDim: 5 }
/** A site of two convolutions, one of three, and a second of three. */
const SITES = [ALL.find(({ depth }) => depth === 2), ...ALL.filter(({ depth }) => depth === 3).slice(0, 2)] as Site[]

describe("a new LLLite", () => {
  const stream = createStream(1, "init")
  const model = createLllite(SITES, DIMS, stream)
  const valuesOf = (site: number, name: SiteTensorName, from = model): Float32Array =>
    fileTensor(from, SITES[site] as Site, name)

  it("is drawn within one over the root of a layer's inputs, as PyTorch draws it, biases too", () => {
    // Inputs of a convolution are its channels times the pixels of its kernel.
    const inputs: Readonly<Partial<Record<SiteTensorName, number>>> = {
      "conditioning1.0.weight": 3 * 4 * 4,
      "conditioning1.0.bias": 3 * 4 * 4,
      "conditioning1.2.weight": 3 * 4 * 4,
      "conditioning1.4.weight": 3 * 2 * 2,
      "down.0.weight": 1280,
      "down.0.bias": 1280,
      "mid.0.weight": 5 + 6,
    }
    for (const [name, count] of Object.entries(inputs)) {
      const values = valuesOf(1, name as SiteTensorName)
      const bound = 1 / Math.sqrt(count)
      const [low, high] = [Math.min(...values), Math.max(...values)]
      expect(Math.max(-low, high)).toBeLessThanOrEqual(bound)
      if (values.length < 30) continue
      expect([low < -0.85 * bound, high > 0.85 * bound]).toEqual([true, true])
    }
  })

  it("changes nothing, because `up` is zero", () => {
    for (const name of ["up.0.weight", "up.0.bias"] as const) {
      expect(new Set(valuesOf(0, name))).toEqual(new Set([0]))
    }
    const drawn = createLllite(SITES, DIMS, stream, { init: "reference" })
    expect(new Set(valuesOf(0, "up.0.weight", drawn))).toEqual(new Set([0]))
    const bias = valuesOf(0, "up.0.bias", drawn)
    expect(Math.max(...bias)).toBeGreaterThan(0.85 / Math.sqrt(5))
    expect(Math.max(...bias.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(5))
  })

  it("has other values in each tensor, the same ones in every run", () => {
    expect(valuesOf(1, "down.0.bias")).not.toEqual(valuesOf(2, "down.0.bias"))
    expect(valuesOf(1, "down.0.bias")).not.toEqual(valuesOf(1, "mid.0.bias"))
    expect(createLllite(SITES, DIMS, createStream(1, "init")).values).toEqual(model.values)
  })

  it("has the number of values that its tensors have", () => {
    const [two, three] = SITES.map(({ inDim, depth }) => {
      const conditioner = 3 * 3 * 16 + 3 + (depth === 3 ? 3 * 3 * 16 + 3 + 6 * 3 * 4 + 6 : 6 * 3 * 16 + 6)
      return conditioner + (inDim * 5 + 5) + (5 * 11 + 5) + (inDim * 5 + inDim)
    }) as [number, number]
    expect(model.values).toHaveLength(two + 2 * three)
    // Adapters with a trunk have it once for their depth.
    const shared = createLllite(SITES, { ...DIMS, sharedTrunk: true }, stream)
    expect(shared.values).toHaveLength(two + 2 * three - (3 * 3 * 16 + 3 + 3 * 3 * 16 + 3 + 6 * 3 * 4 + 6))
    expect(valuesOf(1, "conditioning1.2.weight", shared)).toEqual(valuesOf(2, "conditioning1.2.weight", shared))
  })
})

describe("the order of an LLLite's values", () => {
  it("is inputs by outputs, where a convolution's inputs are rows, columns, channels", () => {
    // 2 outputs, 3 channels, 4 rows, 5 columns: all differ.
    const shape = [2, 3, 4, 5] as const
    const file = Float32Array.from({ length: 120 }, (_, i) => i)
    const flat = fromFileLayout(file, shape)
    const strides = flatStrides(shape)
    for (let o = 0; o < 2; o++) {
      for (let i = 0; i < 3; i++) {
        for (let y = 0; y < 4; y++) {
          for (let x = 0; x < 5; x++) {
            const at = ((y * 5 + x) * 3 + i) * 2 + o
            expect(flat[at]).toBe(((o * 3 + i) * 4 + y) * 5 + x)
            expect([o, i, y, x].reduce((sum, place, axis) => sum + place * (strides[axis] ?? 0), 0)).toBe(at)
          }
        }
      }
    }
    expect(toFileLayout(flat, shape)).toEqual(file)
    expect(fromFileLayout(file, [40, 3]).slice(0, 3)).toEqual(Float32Array.of(0, 3, 6))
    expect([flatStrides([40, 3]), flatStrides([7])]).toEqual([[1, 40], [1]])
  })

  it("is a copy where a tensor has one axis", () => {
    const bias = Float32Array.of(1, 2)
    const copy = fromFileLayout(bias, [2])
    copy[0] = 9
    expect([...bias, ...copy]).toEqual([1, 2, 9, 2])
  })

  it("has the rows of the control first in `mid`, as a tensor of their own", () => {
    const { slots } = layOutSlots([{ site: SITES[0] as Site, ...DIMS }])
    const shapes = Object.fromEntries(slots.map((slot) => [slot.name, leafShapes(slot)]))
    expect(shapes["mid.0.weight"]).toEqual([
      [6, 5],
      [5, 5],
    ])
    expect(shapes["mid.0.bias"]).toEqual([[5]])
    expect(shapes["conditioning1.2.weight"]).toEqual([[3 * 4 * 4, 6]])
  })
})

describe("an LLLite from a file", () => {
  const plans = SITES.map((site): AdapterPlan => ({ site, ...DIMS }))
  /** Values that tell their tensor. */
  const held = new Map(
    layOutSlots(plans).slots.map(({ key, size }, slot) => [
      key,
      Float32Array.from({ length: size }, (_, i) => i + slot / 64),
    ]),
  )
  const file = (changes: Partial<LlliteFile> = {}, values = held): LlliteFile =>
    ({
      sites: SITES.map((site) => ({ ...site, ...DIMS })),
      extraTensors: [],
      extraTensorCount: 0,
      safetensors: { label: "a.safetensors" },
      tensor: async ({ key }: Pick<Site, "key">, name: SiteTensorName) => values.get(`${key}.${name}`)?.slice(),
      ...changes,
    }) as unknown as LlliteFile

  it("holds its tensors, and gives them back", async () => {
    const model = await readLlliteModel(file())
    expect(model.notices).toEqual([])
    for (const site of SITES) {
      for (const name of siteTensorShapes(site, DIMS).keys()) {
        expect(fileTensor(model, site, name)).toEqual(held.get(`${site.key}.${name}`))
      }
    }
    expect(() => fileTensor(model, { key: "lllite_unet_none" }, "up.0.bias")).toThrow(
      'there is no tensor "lllite_unet_none.up.0.bias"',
    )
  })

  it("is refused with a value that is not finite, by its tensor and its place there", async () => {
    const key = `${SITES[1]?.key}.down.0.bias`
    const values = new Map([...held, [key, Float32Array.of(0, 0, 0, Number.NaN, 0)]])
    await expect(readLlliteModel(file({}, values))).rejects.toThrow(`"a.safetensors": value 3 of "${key}" is NaN`)
  })

  it.each([0, 4])("is refused at the edges of a tensor, which is named (value %d)", async (at) => {
    const key = `${SITES[1]?.key}.down.0.bias`
    const values = new Map([...held, [key, new Float32Array(5).fill(Number.POSITIVE_INFINITY, at, at + 1)]])
    await expect(readLlliteModel(file({}, values))).rejects.toThrow(`value ${at} of "${key}" is Infinity`)
  })

  it("is refused with a tensor of another length", async () => {
    await expect(fillLllite(plans, ({ size }) => new Float32Array(size + 1))).rejects.toThrow(
      `"${SITES[0]?.key}.conditioning1.0.weight" has 145 values, expected 3×3×4×4`,
    )
  })

  it("is refused with slots or values that are not those of its adapters", () => {
    const model = createLllite(SITES, DIMS, createStream(1, "init"))
    const [first, ...others] = model.slots as [Slot, ...Slot[]]
    const slots = [undefined, {}, { ...first, offset: -1 }, { ...first, fileShape: 7 }, { ...first, size: 1e9 }]
    for (const slot of slots) {
      expect(() => checkModel("test", { ...model, slots: [slot, ...others] })).toThrow(/are not those of its adapters/)
    }
    expect(() => checkModel("test", { ...model, slots: others })).toThrow(/are not those of its adapters/)
    const wrong = [{ key: "other" }, { name: "up.0.bias" as const }, { offset: 1 }, { size: 2 }, { fileShape: [1] }]
    for (const change of [
      ...wrong,
      ...[{ condDim: 9 }, { mlpDim: 9 }].map((dims) => ({ plan: { ...first.plan, ...dims } })),
    ]) {
      const changed = [...others, first].map((slot, i) => (i === others.length ? { ...slot, ...change } : slot))
      const slots = [changed.at(-1) as Slot, ...changed.slice(0, -1)]
      expect(() => checkModel("test", { ...model, slots })).toThrow(/are not those of its adapters/)
    }
    // Slots that were right are asked again for other adapters.
    checkModel("test", model)
    expect(() => checkModel("test", { ...model, adapters: model.adapters.slice(1) })).toThrow(/not those of its/)
    const { length } = model.values
    expect(() => checkModel("test", { ...model, values: model.values.subarray(1) })).toThrow(
      `the model has ${length - 1} values, expected ${length}`,
    )
    expect(() => checkModel("test", { ...model, values: [] })).toThrow(/values of the model is a list/)
    for (const inDim of [undefined, Number.NaN, 0, 1e9]) {
      const sites = [{ ...SITES[0], inDim }] as Site[]
      expect(() => createLllite(sites, DIMS, createStream(1, "init"))).toThrow(/inDim of the site .* expected a whole/)
    }
    for (const [name, wrong] of Object.entries({
      key: 7,
      path: 7,
      section: [],
      block: Number.NaN,
      index: "1",
      conv: 1,
    })) {
      const sites = [{ ...SITES[0], [name]: wrong }] as unknown as Site[]
      expect(() => createLllite(sites, DIMS, createStream(1, "init"))).toThrow(
        new RegExp(`^LLLite: (the )?${name} of `),
      )
    }
    checkModel("test", model)
  })

  it("says what it does not read", () => {
    const extra = (count: number): Parameters<typeof llliteNotices>[0] =>
      file({ extraTensors: ["x.weight"], extraTensorCount: count })
    expect(llliteNotices(file())).toEqual([])
    expect(llliteNotices(extra(1))).toEqual([
      '"a.safetensors": 1 tensor belongs to no site and is not read. The first is "x.weight".',
    ])
    expect(llliteNotices(extra(3))).toEqual([
      '"a.safetensors": 3 tensors belong to no site and are not read. The first is "x.weight".',
    ])
  })
})
