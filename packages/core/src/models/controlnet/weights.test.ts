import type { ControlNetLayout } from "@lllite/format/identify"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { controlFile, SMALL_CONTROL, SMALL_UNION } from "../../../test/small-controlnet.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import type { WeightFile } from "../weight-reader.ts"
import { controlNetWeights, loadControlNet } from "./weights.ts"

/** The same file with other shapes, or without tensors. */
function reshapedFile(
  { label, entries }: WeightFile,
  shape: (name: string, shape: readonly number[]) => readonly number[] | null,
): WeightFile {
  return {
    label,
    entries: new Map(
      [...entries].flatMap(([name, entry]) => {
        const own = shape(name, entry.shape)
        return own === null ? [] : [[name, { ...entry, shape: own }] as const]
      }),
    ),
  }
}

const shapesIn = ({ entries }: WeightFile): Record<string, readonly number[]> =>
  Object.fromEntries([...entries].map(([name, { shape }]) => [name, shape]))

describe("the weights of a ControlNet", () => {
  it("are those of its file, without a word where all belong to it", async () => {
    const file = await controlFile(SMALL_CONTROL, SMALL_UNION)
    const found = controlNetWeights(file, SMALL_UNET)
    expect(shapesIn(found.file)).toEqual(shapesIn(file))
    expect(found).toMatchObject({ layout: SMALL_CONTROL, union: SMALL_UNION, notices: [] })
    expect(found.file.label).toBe("control")
    expect(controlNetWeights(await controlFile(), SMALL_UNET).union).toBeNull()
  })

  it("may have matrices as 1×1 convolutions, and the convolutions after the blocks as matrices", async () => {
    const file = await controlFile()
    const isZero = (name: string): boolean => /^(zero_convs|middle_block_out)/.test(name)
    const other = reshapedFile(file, (name, shape) => {
      if (isZero(name) && shape.length === 4) return shape.slice(0, 2)
      return shape.length === 2 ? [...shape, 1, 1] : shape
    })
    expect(shapesIn(other)["middle_block_out.0.weight"]).toEqual([128, 128])
    expect(shapesIn(other)["time_embed.0.weight"]).toEqual([128, 32, 1, 1])
    expect(shapesIn(controlNetWeights(other, SMALL_UNET).file)).toEqual(shapesIn(file))
  })

  it("are loaded and freed as a whole, with a notice about what does not belong to it", async () => {
    const ops = await startWasm()
    const before = tf.memory().numTensors
    const { label, entries } = await controlFile()
    const [entry] = [...entries.values()]
    if (entry === undefined) throw new Error("the file is empty")
    const more = new Map([...entries, ["ema.first", entry], ["ema.second", entry]])
    const loaded = await loadControlNet({ label, entries: more }, ops.load, SMALL_UNET)
    expect(loaded.notices).toEqual([
      '"control": 2 of its tensors do not belong to a ControlNet and are not used, such as "ema.first".',
    ])
    const { params } = loaded
    expect(params.zero.map((weight) => weight.shape)).toEqual(
      [32, 32, 32, 32, 64, 64, 64, 128, 128].map((width) => [width, width]),
    )
    expect(params.middleZero.shape).toEqual([128, 128])
    expect(params.hint.map(({ layer }) => [layer.inDim, layer.outDim])).toEqual([
      ...[
        [3, 4],
        [4, 4],
        [4, 6],
        [6, 6],
        [6, 8],
        [8, 8],
        [8, 10],
        [10, 32],
      ],
    ])
    expect(params.config).toEqual(SMALL_CONTROL)
    expect(params.union).toBeNull()
    expect(tf.memory().numTensors).toBeGreaterThan(before)
    loaded.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([
    [5, /middle_block_out\.0\.bias|zero_convs\.[0-3]\.0\.bias/, false],
    [6, /middle_block_out\.0\.bias|zero_convs\.[0-4]\.0\.bias/, true],
  ])("are refused where %d of them are missing, of which five are named", async (count, gone, hasMore) => {
    const cut = reshapedFile(await controlFile(), (name, shape) => (gone.test(name) ? null : shape))
    const read = (): unknown => controlNetWeights(cut, SMALL_UNET)
    expect(read).toThrow(/^control is not a whole ControlNet for SDXL: "zero_convs\.0\.0\.bias" \[32\] is missing; /)
    expect(read).toThrow(expect.objectContaining({ code: "checkpoint-incomplete" }))
    let message = ""
    try {
      read()
    } catch (error) {
      message = (error as Error).message
    }
    expect(message.match(/is missing/g)).toHaveLength(5)
    expect(message.endsWith(`; and ${count - 5} more`)).toBe(hasMore)
  })

  it.each<[string, Partial<ControlNetLayout>, RegExp]>([
    [
      "levels",
      { unet: { ...SMALL_UNET.layout, channelMult: [1, 2, 2] } },
      /has levels of 32, 64, 64, and the SDXL 32, 64, 128\. Give one/,
    ],
    [
      "a text",
      { widths: { ...SMALL_CONTROL.widths, contextDim: 24 } },
      /has a text context of 24, and the SDXL 16\. Give one/,
    ],
    [
      "pooled text",
      { widths: { ...SMALL_CONTROL.widths, vectorDim: 1545 } },
      /has a pooled text and sizes of 1545, and the SDXL 1544\./,
    ],
    ["latents", { widths: { ...SMALL_CONTROL.widths, inChannels: 9 } }, /has latent channels of 9, and the SDXL 4\./],
    ["a control", { hintChannels: 4 }, /^control: its control has 4 channels, expected a picture of 3\./],
  ])("are refused with %s of another width", async (_, changes, message) => {
    const file = await controlFile({ ...SMALL_CONTROL, ...changes })
    expect(() => controlNetWeights(file, SMALL_UNET)).toThrow(message)
  })

  it("are refused with a Union of another width", async () => {
    const file = await controlFile(SMALL_CONTROL, { ...SMALL_UNION, width: 64 })
    expect(() => controlNetWeights(file, SMALL_UNET)).toThrow(
      /has a transformer over its controls of 64, and the SDXL 32\./,
    )
  })

  it("need no text where no block reads one", async () => {
    const layout: ControlNetLayout = {
      ...SMALL_CONTROL,
      unet: { ...SMALL_UNET.layout, transformerDepth: [0, 0, 0], middleDepth: 0 },
      widths: { ...SMALL_CONTROL.widths, contextDim: 0 },
      middleBlocks: 1,
    }
    expect(controlNetWeights(await controlFile(layout), SMALL_UNET).layout).toEqual(layout)
  })

  it("are read from a file, for a U-Net", async () => {
    const file = await controlFile()
    expect(() => controlNetWeights(null as never, SMALL_UNET)).toThrow("ControlNet: the file")
    expect(() => controlNetWeights(file, null as never)).toThrow("ControlNet: the config of the U-Net")
    await expect(loadControlNet(file, null as never, SMALL_UNET)).rejects.toThrow("ControlNet: the loader")
  })
})
