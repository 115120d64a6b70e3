import type { AdapterDims } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import { createLllite, type LlliteModel } from "../models/index.ts"
import { cutPatches, patchFormOf } from "../models/lllite/conditioner.ts"
import { withHole } from "../models/lllite/hole.ts"
import { cutLatentValues } from "../models/lllite/latent-patches.ts"
import { createStream } from "../random/index.ts"
import { drawHole } from "./drawn-hole.ts"
import { type FirstControl, normaliseConditioners } from "./normalise-conditioners.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const [SITE] = enumerateSites(LAYOUT).filter(({ depth }) => depth === 2)

function control(width: number, height: number, seed: number): RgbImage {
  return { width, height, data: Uint8Array.from(createStream(seed, "control").integers(width * height * 3, 0, 256)) }
}

function smooth(width: number, height: number): RgbImage {
  const tone = (i: number): number => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    return 128 + 120 * Math.sin(x / 23 + (i % 3)) * Math.cos(y / 31)
  }
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => tone(i)) }
}

/** A new LLLite of one site, normalised over these controls. */
function normalised(controls: readonly RgbImage[], more: Partial<AdapterDims> = {}): LlliteModel {
  if (SITE === undefined) throw new Error("the layout has no site")
  const model = createLllite([SITE], { condDim: 4, mlpDim: 2, ...more }, createStream(1, "init"))
  normaliseConditioners(model, controls)
  return model
}

/** The mean and the deviation of each channel of each layer, over rows of pixels. A ReLU follows each. */
function moments(model: LlliteModel, rows: Float32Array): readonly (readonly [mean: number, deviation: number])[] {
  const found: (readonly [number, number])[] = []
  let input = rows
  for (const layer of ["conditioning1.0", "conditioning1.2"]) {
    const [weight, bias] = ["weight", "bias"].map((kind) => {
      const slot = model.slots.find(({ key }) => key.endsWith(`${layer}.${kind}`))
      return model.values.subarray(slot?.offset ?? 0, (slot?.offset ?? 0) + (slot?.size ?? 0))
    }) as [Float32Array, Float32Array]
    const [outs, ins] = [bias.length, weight.length / bias.length]
    const count = input.length / ins
    const output = new Float32Array(count * outs)
    for (let o = 0; o < outs; o++) {
      let [sum, squares] = [0, 0]
      for (let row = 0; row < count; row++) {
        let y = bias[o] ?? Number.NaN
        for (let i = 0; i < ins; i++) y += (input[row * ins + i] ?? Number.NaN) * (weight[i * outs + o] ?? Number.NaN)
        sum += y
        squares += y * y
        output[row * outs + o] = Math.max(0, y)
      }
      found.push([sum / count, Math.sqrt(squares / count - (sum / count) ** 2)])
    }
    input = output
  }
  return found
}

const floats = ({ width, height, ...rest }: RgbImage) => ({
  ...{ count: 1, width, height },
  data: imageToFloats({ width, height, ...rest }),
})

describe("the conditioners of a new LLLite", () => {
  it("are refused where a control has no latents, or others than float32 values", () => {
    const withLatents = (latents: unknown): FirstControl[] => [{ ...control(96, 64, 1), latents } as FirstControl]
    expect(() => normalised([control(96, 64, 1)], { condInput: "latent" })).toThrow(/latents/)
    expect(() => normalised(withLatents([1, 2]))).toThrow(/^training: the control's latents is .*float32 values/)
  })

  it("have them over latents of a picture that is not square", () => {
    const latents = createStream(3, "latents").normal(8 * 12 * 4)
    const model = normalised([{ ...control(96, 64, 1), latents } as FirstControl], { condInput: "latent" })
    const all = moments(model, cutLatentValues(latents, { height: 8, width: 12 }, 2))
    expect(all.length).toBeGreaterThan(0)
    for (const [mean, deviation] of all) {
      expect(mean).toBeCloseTo(0, 4)
      expect(deviation).toBeCloseTo(1, 3)
    }
  })

  it("have them nearly over many more rows than are read, which are whole tokens", () => {
    // Neighbours are alike. So a row of the second layer from patches that are far apart would have another deviation.
    const controls = [smooth(768, 512), smooth(512, 768)]
    const model = normalised(controls)
    const form = patchFormOf(model.adapters[0] as LlliteModel["adapters"][0])
    const rows = controls.map((one) => cutPatches(floats(one), form).values)
    const whole = Float32Array.from([...(rows[0] ?? []), ...(rows[1] ?? [])])
    for (const [mean, deviation] of moments(model, whole)) {
      expect(Math.abs(mean)).toBeLessThan(0.05)
      expect(Math.abs(deviation - 1)).toBeLessThan(0.05)
    }
    // Of 49,152 rows of 4 by 4 pixels, every sixth token of sixteen rows is read.
    const token = 16 * 48
    const read = whole.filter((_, i) => Math.floor(i / token) % 6 === 0)
    expect([whole.length / 48, read.length / 48]).toEqual([49_152, 8_192])
    for (const [mean, deviation] of moments(model, read)) {
      expect(mean).toBeCloseTo(0, 4)
      expect(deviation).toBeCloseTo(1, 3)
    }
  })

  it("have mean 0 and deviation 1 in each channel, over controls of unlike sizes that are not square", () => {
    const controls = [control(64, 32, 1), control(32, 96, 2)]
    const model = normalised(controls)
    const form = patchFormOf(model.adapters[0] as LlliteModel["adapters"][0])
    const rows = Float32Array.from(controls.flatMap((one) => [...cutPatches(floats(one), form).values]))
    const all = moments(model, rows)
    expect(all).toHaveLength(2 + 4)
    for (const [mean, deviation] of all) {
      expect(mean).toBeCloseTo(0, 4)
      expect(deviation).toBeCloseTo(1, 3)
    }
    // The other layers stay.
    const plain = createLllite(
      model.adapters.map(({ site }) => site),
      { condDim: 4, mlpDim: 2 },
      createStream(1, "init"),
    )
    for (const { name, offset, size } of model.slots) {
      const isSame =
        model.values.slice(offset, offset + size).join() === plain.values.slice(offset, offset + size).join()
      expect(isSame).toBe(!name.startsWith("conditioning1"))
    }
  })

  it("have them over controls with drawn holes where a hole is read", () => {
    const controls = [control(64, 32, 1), control(32, 64, 2)]
    const model = normalised(controls, { condChannels: 4 })
    const form = patchFormOf(model.adapters[0] as LlliteModel["adapters"][0])
    const holes = createStream(0, "first holes")
    const rows = controls.flatMap((one, index) => [
      ...cutPatches(withHole(one, drawHole(one, holes, { index })), form).values,
    ])
    for (const [mean, deviation] of moments(model, Float32Array.from(rows))) {
      expect(mean).toBeCloseTo(0, 4)
      expect(deviation).toBeCloseTo(1, 3)
    }
  })

  it("are scaled by at most 1000 where all controls are alike", () => {
    const plain = createLllite([SITE as NonNullable<typeof SITE>], { condDim: 4, mlpDim: 2 }, createStream(1, "init"))
    const model = normalised([{ width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(90) }])
    const slot = model.slots.find(({ name }) => name === "conditioning1.0.weight")
    const [offset, size] = [slot?.offset ?? 0, slot?.size ?? 0]
    for (let i = offset; i < offset + size; i++) {
      expect((model.values[i] ?? Number.NaN) / (plain.values[i] ?? Number.NaN)).toBeCloseTo(1000, 0)
    }
  })

  it("read 2^20 pixels of controls at most, and the first control in any case", () => {
    const half = [control(1024, 512, 1), control(512, 1024, 2), control(32, 32, 3)]
    const whole = normalised(half).values
    expect(whole).toEqual(normalised(half.slice(0, 2)).values)
    expect(whole).not.toEqual(normalised(half.slice(0, 1)).values)
    const large = [control(1056, 1024, 4), control(32, 32, 3)]
    const { values } = normalised(large)
    // Over no control at all they would not be numbers.
    expect(values.every(Number.isFinite)).toBe(true)
    expect(values).toEqual(normalised(large.slice(0, 1)).values)
  })
})
