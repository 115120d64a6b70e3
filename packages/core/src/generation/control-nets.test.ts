import { openSafetensors } from "@lllite/format"
import type { ControlNetUnion } from "@lllite/format/identify"
import * as tf from "@tensorflow/tfjs"
import { beforeAll, describe, expect, it } from "vitest"
import { SMALL_UNET } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import { controlNetBytes } from "../../testing/controlnet-file.ts"
import { passRows } from "../diffusion/pass-position.ts"
import { CoreError } from "../errors.ts"
import { embedHint } from "../models/controlnet/hint.ts"
import type { ControlNetParams } from "../models/controlnet/params.ts"
import { loadControlNet } from "../models/controlnet/weights.ts"
import { type BlockVerbs, composedBlocks } from "../models/unet/block-verbs.ts"
import { vectorDimOf } from "../models/unet/config.ts"
import type { UnetInput } from "../models/unet/unet.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import { createStream } from "../random/stream.ts"
import { checkControlNet, prepareControlNet, residualsAt } from "./control-nets.ts"

const LAYOUT = {
  unet: SMALL_UNET.layout,
  widths: { inChannels: 4, contextDim: SMALL_UNET.contextDim, vectorDim: vectorDimOf(SMALL_UNET) },
  middleBlocks: 2,
  hintChannels: 3,
  hintWidths: [16, 16, 32],
} as const
const SIDE = 32
const picture = (shade: number) => ({
  ...{ width: SIDE, height: SIDE },
  data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (i * shade) % 256),
})

async function load(
  ops: Ops,
  dtype: "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2",
  union: { readonly union?: ControlNetUnion } = {},
): Promise<ControlNetParams> {
  const file = await openSafetensors(controlNetBytes({ name: "net", layout: LAYOUT, dtype, ...union }))
  const entries = new Map([...file.tensors].map(([name, info]) => [name, { ...info, read: () => file.read(name) }]))
  return (await loadControlNet({ label: "net", entries }, ops.load, SMALL_UNET)).params
}

/** Two pictures with guidance, or without. */
function inputOf(rows: number): UnetInput {
  const stream = createStream(1, "input")
  const normal = (shape: number[], index: number) => tf.tensor(stream.normal(shape, { index }), shape)
  return {
    latents: normal([rows, SIDE / 8, SIDE / 8, 4], 0),
    timesteps: Array<number>(rows).fill(500),
    context: normal([rows, 5, SMALL_UNET.contextDim], 1),
    vector: normal([rows, vectorDimOf(SMALL_UNET)], 2),
  } as UnetInput
}

describe("residualsAt", () => {
  let ops: Ops
  let net: ControlNetParams
  beforeAll(async () => {
    ops = await startWasm()
    net = await load(ops, "F32")
  })

  const middleOf = async (settings: object, input: UnetInput, pictures = 2, factor = 1) => {
    const guided = input.timesteps.length > pictures
    const prepared = prepareControlNet(
      ops,
      { controlNet: net, control: [picture(3), picture(7)], ...settings },
      pictures,
    )
    const found = residualsAt(ops, [prepared], input, { window: () => factor, rows: passRows(pictures, guided) })
    prepared.dispose()
    if (found === null) return null
    const values = await found.middle.data<"float32">()
    const first = await (found.skips[0] as tf.Tensor).data<"float32">()
    tf.dispose([...found.skips, found.middle])
    return { middle: [...values], first: [...first] }
  }

  it("leaves nothing on the device, and nothing to do outside of a window", async () => {
    const input = inputOf(4)
    const before = tf.memory().numTensors
    expect(await middleOf({}, input)).not.toBeNull()
    expect(await middleOf({}, input, 2, 0)).toBeNull()
    expect(await middleOf({ strength: 0 }, input)).toBeNull()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("reads each picture's own control, row by row, from black at 0 to white at 1", async () => {
    const lying = { width: 48, height: 32 }
    const controls = [3, 7].map((shade) => ({
      ...lying,
      data: Uint8Array.from({ length: 3 * 48 * 32 }, (_, i) => (i * shade) % 256),
    }))
    const prepared = prepareControlNet(ops, { controlNet: net, control: controls }, 2)
    const values = controls.flatMap(({ data }) => Array.from(data, (value) => value / 255))
    const picture = tf.tensor4d(values, [2, 32, 48, 3])
    const wanted = embedHint(ops, net, picture)
    expect(prepared.hint.shape).toEqual([2, 16, 24, SMALL_UNET.layout.modelChannels])
    expect(await prepared.hint.data()).toEqual(await wanted.data())
    const part = prepareControlNet(ops, { controlNet: net, control: controls[0] as (typeof controls)[0] }, 2, {
      ...{ top: 8, left: 16, height: 16, width: 24 },
    })
    const cut = tf.slice(picture, [0, 8, 16, 0], [1, 16, 24, 3])
    const ofPart = embedHint(ops, net, cut)
    expect(await part.hint.data()).toEqual(await ofPart.data())
    tf.dispose([picture, wanted, cut, ofPart])
    prepared.dispose()
    part.dispose()
  })

  it("refuses another number of controls than pictures", () => {
    const of = (count: number) => () =>
      prepareControlNet(ops, { controlNet: net, control: Array.from({ length: count }, () => picture(3)) }, 3)
    expect(of(2)).toThrow("2 control images for 3 pictures, expected 1 or 3")
    expect(of(0)).toThrow("0 control images for 3 pictures")
  })

  it("sums what several add, each with its strength and window", async () => {
    const input = inputOf(2)
    const uses = [
      { controlNet: net, control: picture(3), strength: 0.5 },
      { controlNet: net, control: picture(7), strength: 2, start: 0.25 },
    ]
    const prepared = uses.map((use) => prepareControlNet(ops, use, 2))
    const window = ({ start = 0 }: { readonly start?: number }) => (start > 0 ? 0.5 : 1)
    const found = residualsAt(ops, prepared, input, { window, rows: passRows(2, false) })
    const [one, other] = [
      await middleOf({ control: picture(3) }, input),
      await middleOf({ control: picture(7) }, input),
    ]
    const sum = await (found as NonNullable<typeof found>).middle.data<"float32">()
    const scale = Math.max(...(one?.middle ?? []).map(Math.abs))
    for (const [i, value] of sum.entries()) {
      const wanted = 0.5 * (one?.middle[i] ?? Number.NaN) + (other?.middle[i] ?? Number.NaN)
      expect(Math.abs(value - wanted)).toBeLessThan(1e-5 * scale)
    }
    tf.dispose([...(found?.skips ?? []), found?.middle as tf.Tensor])
    for (const each of prepared) each.dispose()
  })

  it("runs the blocks of a runtime, where it has some", async () => {
    const input = inputOf(2)
    const prepared = prepareControlNet(ops, { controlNet: net, control: picture(3) }, 2)
    let runs = 0
    const blocks: BlockVerbs = {
      ...composedBlocks,
      forward: (...given) => {
        runs += 1
        return composedBlocks.forward(...given)
      },
    }
    const found = residualsAt(ops, [prepared], input, { window: () => 1, rows: passRows(2, false), blocks })
    // Nine blocks on the way down, and the middle.
    expect(runs).toBe(10)
    tf.dispose([...(found?.skips ?? []), found?.middle as tf.Tensor])
    prepared.dispose()
  })

  it("multiplies strength and window", async () => {
    const input = inputOf(4)
    const [full, half] = [await middleOf({}, input), await middleOf({ strength: 0.5 }, input, 2, 0.5)]
    const scale = Math.max(...(full?.middle ?? []).map(Math.abs))
    for (const [i, value] of (full?.middle ?? []).entries()) {
      expect(Math.abs((half?.middle[i] ?? Number.NaN) - value / 4)).toBeLessThan(1e-5 * scale)
    }
  })

  it("acts on the rows with the prompt alone in guess mode, weaker in the first blocks", async () => {
    const input = inputOf(4)
    const plain = await middleOf({}, input)
    const guessed = await middleOf({ guessMode: true }, input)
    const half = (plain?.middle.length ?? 0) / 2
    expect(guessed?.middle.slice(0, half).every((value) => value === 0)).toBe(true)
    // The middle counts fully, and the first block a tenth.
    const close = (one: number[] = [], other: number[] = [], factor = 1) => {
      const scale = Math.max(...other.map(Math.abs))
      expect(one.every((value, i) => Math.abs(value - factor * (other[i] as number)) < 1e-4 * scale)).toBe(true)
    }
    close(guessed?.middle.slice(half), plain?.middle.slice(half))
    const firstHalf = (plain?.first.length ?? 0) / 2
    close(guessed?.first.slice(firstHalf), plain?.first.slice(firstHalf), 0.1)
  })

  it("has a factor for each side of guidance, and a mask", async () => {
    const input = inputOf(4)
    const plain = await middleOf({}, input)
    const before = tf.memory().numTensors
    const sided = await middleOf({ cond: 0.5, uncond: 0 }, input)
    const half = (plain?.middle.length ?? 0) / 2
    expect(sided?.middle.slice(0, half).every((value) => value === 0)).toBe(true)
    for (const [i, value] of (sided?.middle.slice(half) ?? []).entries()) {
      expect(value).toBeCloseTo((plain?.middle[half + i] ?? Number.NaN) / 2, 4)
    }
    // White on the left: the first skip is 4 × 4 latents.
    const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (Math.floor(i / 3) % SIDE < SIDE / 2 ? 255 : 0))
    const masked = await middleOf({ mask: { width: SIDE, height: SIDE, data } }, input)
    const width = SIDE / 8
    const channels = (plain?.first.length ?? 0) / (4 * width * width)
    for (const [i, value] of (masked?.first ?? []).entries()) {
      const isLeft = Math.floor(i / channels) % width < width / 2
      expect(value).toBeCloseTo(isLeft ? (plain?.first[i] ?? Number.NaN) : 0, 5)
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it("adds nothing in guess mode to a pass without the prompt", () => {
    const prepared = prepareControlNet(ops, { controlNet: net, control: [picture(3)], guessMode: true }, 1)
    const rows = [{ picture: 0, guidance: "uncond" }] as const
    expect(residualsAt(ops, [prepared], inputOf(1), { window: () => 1, rows })).toBeNull()
    prepared.dispose()
  })

  it.each(["F16", "BF16", "F8_E4M3", "F8_E5M2"] as const)("runs weights of %s", async (dtype) => {
    const own = await load(ops, dtype)
    const input = inputOf(2)
    const [wide, narrow] = [await middleOf({}, input), await middleOf({ controlNet: own }, input)]
    const scale = Math.max(...(wide?.middle ?? []).map(Math.abs))
    const apart = Math.max(
      ...(wide?.middle ?? []).map((value, i) => Math.abs(value - (narrow?.middle[i] ?? Number.NaN))),
    )
    expect(apart).toBeGreaterThan(0)
    expect(apart / scale).toBeLessThan({ F16: 0.01, BF16: 0.05, F8_E4M3: 0.5, F8_E5M2: 0.9 }[dtype])
    disposeParams(own)
  })
})

describe("a ControlNet Union", () => {
  const use = { control: picture(3), controlType: "depth" } as const
  let ops: Ops
  let net: ControlNetParams
  beforeAll(async () => {
    ops = await startWasm()
    net = await load(ops, "F32", { union: { types: 6, width: 32, blocks: 1 } })
  })

  const middleOf = async (input: UnetInput, pictures: number, settings: object = {}) => {
    const prepared = prepareControlNet(ops, { controlNet: net, ...use, ...settings }, pictures)
    const rows = passRows(pictures, input.timesteps.length > pictures)
    const found = residualsAt(ops, [prepared], input, { window: () => 1, rows })
    prepared.dispose()
    if (found === null) throw new Error("there are no residuals")
    const values = await found.middle.data<"float32">()
    tf.dispose([...found.skips, found.middle])
    return values
  }

  it("reads one control for all rows as one for each picture, and leaves nothing on the device", async () => {
    const input = inputOf(4)
    const before = tf.memory().numTensors
    const one = await middleOf(input, 2)
    expect(await middleOf(input, 2, { control: [picture(3), picture(3)] })).toEqual(one)
    expect(await middleOf(input, 2, { controlType: "canny" })).not.toEqual(one)
    expect(await middleOf(input, 2, { guessMode: true })).not.toEqual(one)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("gives a picture the same alone and in a batch", async () => {
    const input = inputOf(4)
    const rows = <T extends tf.Tensor>(x: T): T => tf.gather(x, [1, 3]) as T
    const alone = await middleOf(
      {
        ...{ latents: rows(input.latents), timesteps: [500, 500] },
        ...{ context: rows(input.context), vector: rows(input.vector) },
      },
      1,
    )
    const both = await middleOf(input, 2)
    const size = both.length / 4
    const wanted = [...both.slice(size, 2 * size), ...both.slice(3 * size)]
    const apart = Math.max(...wanted.map((value, i) => Math.abs(value - (alone[i] ?? 0))))
    expect(apart).toBeLessThan(1e-5)
  })

  it("refuses a file whose transformer has another width than its blocks", async () => {
    await expect(load(ops, "F32", { union: { types: 6, width: 64, blocks: 1 } })).rejects.toThrow(
      /a transformer over its controls of 64, and the SDXL 32/,
    )
  })

  it("refuses a use without its control type, or of one that it does not have", () => {
    expect(() => prepareControlNet(ops, { controlNet: net, control: picture(3) }, 1)).toThrow(/needs the type/)
    expect(() => prepareControlNet(ops, { controlNet: net, ...use, controlType: "tile" }, 1)).toThrow(
      /has 6 control types, and "tile" is not among them/,
    )
  })
})

describe("checkControlNet", () => {
  it.each([
    [{ strength: 101 }, "option-range"],
    [{ start: 0.6, end: 0.5 }, "option-range"],
    [{ uncond: 101 }, "option-range"],
    [{ mask: { ...picture(1), width: 16, height: 64 } }, "control-size"],
    [{ mask: [picture(1), picture(1)] }, "control-count"],
    [{ control: { ...picture(1), width: 16, height: 64 } }, "control-size"],
  ])("refuses %j", (change, code) => {
    const check = () => checkControlNet({ control: picture(1), ...change }, { count: 1, width: SIDE, height: SIDE })
    expect(check).toThrow(CoreError)
    expect(check).toThrow(expect.objectContaining({ code }))
  })
})
