import { describe, expect, it } from "vitest"
import { SDXL_WIDTHS, unetFigure } from "./unet-figure.ts"
import { SDXL_LAYOUT } from "./unet-layout.ts"
import { type UnetTable, unetTable } from "./unet-table.ts"

/** SDXL's table, made anew: the one that is kept would hide a change of the code between two tests. */
const newTable = (): UnetTable => unetTable({ ...SDXL_LAYOUT })

describe("a layer of SDXL's U-Net", () => {
  // The facts are those of an SDXL checkpoint and of diffusers' names for it.
  it.each([
    ["time_embed.0", "embedding", "time1", "time_embedding.linear_1", 320, 1280],
    ["time_embed.2", "embedding", "time2", "time_embedding.linear_2", 1280, 1280],
    ["label_emb.0.0", "embedding", "size1", "add_embedding.linear_1", 2816, 1280],
    ["label_emb.0.2", "embedding", "size2", "add_embedding.linear_2", 1280, 1280],
    ["input_blocks.0.0", "input 0", "first-conv", "conv_in", 4, 320],
    ["input_blocks.3.0.op", "input 3", "downsample", "down_blocks.0.downsamplers.0.conv", 320, 320],
    ["input_blocks.4.0.skip_connection", "input 4", "skip", "down_blocks.1.resnets.0.conv_shortcut", 320, 640],
    ["input_blocks.4.1.norm", "input 4", "norm", "down_blocks.1.attentions.0.norm", 640, 640],
    ["input_blocks.5.1.proj_in", "input 5", "proj-in", "down_blocks.1.attentions.1.proj_in", 640, 640],
    ["input_blocks.7.0.emb_layers.1", "input 7", "embedding", "down_blocks.2.resnets.0.time_emb_proj", 1280, 1280],
    ["middle_block.0.in_layers.0", "middle", "in-norm", "mid_block.resnets.0.norm1", 1280, 1280],
    ["middle_block.1.proj_out", "middle", "proj-out", "mid_block.attentions.0.proj_out", 1280, 1280],
    ["middle_block.2.out_layers.3", "middle", "conv2", "mid_block.resnets.1.conv2", 1280, 1280],
    ["output_blocks.0.0.in_layers.2", "output 0", "conv1", "up_blocks.0.resnets.0.conv1", 2560, 1280],
    ["output_blocks.3.0.in_layers.0", "output 3", "in-norm", "up_blocks.1.resnets.0.norm1", 1920, 1920],
    ["output_blocks.5.2.conv", "output 5", "upsample", "up_blocks.1.upsamplers.0.conv", 640, 640],
    ["output_blocks.8.0.out_layers.0", "output 8", "out-norm", "up_blocks.2.resnets.2.norm2", 320, 320],
    ["out.0", "end", "last-norm", "conv_norm_out", 320, 320],
    ["out.2", "end", "last-conv", "conv_out", 320, 4],
  ])("%s lies in %s, as %s", (path, block, role, diffusersPath, inDim, outDim) => {
    const layer = newTable().byPath.get(path)
    expect(layer).toMatchObject({ path, block, role, diffusersPath, inDim, outDim, network: "unet" })
    expect(layer).toMatchObject({ index: null, attention: null, bias: true })
  })

  it.each([
    ["attn1.to_q", "q", "self", 1280, 1280, false],
    ["attn1.to_out.0", "out", "self", 1280, 1280, true],
    ["attn2.to_q", "q", "cross", 1280, 1280, false],
    ["attn2.to_k", "k", "cross", 2048, 1280, false],
    ["attn2.to_v", "v", "cross", 2048, 1280, false],
    ["ff.net.0.proj", "ff-in", null, 1280, 10240, true],
    ["ff.net.2", "ff-out", null, 5120, 1280, true],
    ["norm2", "norm2", null, 1280, 1280, true],
  ])("%s of a transformer block is %s of %s attention", (tail, role, attention, inDim, outDim, bias) => {
    expect(newTable().byPath.get(`output_blocks.1.1.transformer_blocks.7.${tail}`)).toEqual({
      ...{ network: "unet", section: "output", block: "output 1", blockIndex: 1, index: 7 },
      ...{ path: `output_blocks.1.1.transformer_blocks.7.${tail}`, role, attention, inDim, outDim, bias },
      diffusersPath: `up_blocks.0.attentions.1.transformer_blocks.7.${tail}`,
      ...{ kind: tail === "norm2" ? "norm" : "linear", kernel: 1, stride: 1 },
    })
  })

  it("has a kernel of 3 if it is a convolution, but for the ones where the number of channels changes", () => {
    const { layers } = newTable()
    const convolutions = layers.filter(({ kind }) => kind === "conv")
    for (const { role, kernel } of convolutions) expect(kernel).toBe(role === "skip" ? 1 : 3)
    // Two on the way down, where a level's width begins, and all nine on the way up.
    expect(convolutions.filter(({ role }) => role === "skip")).toHaveLength(2 + 9)
    const halving = layers.filter(({ stride }) => stride === 2)
    expect(halving.map(({ path }) => path)).toEqual(["input_blocks.3.0.op", "input_blocks.6.0.op"])
    for (const { kind, kernel } of layers) if (kind !== "conv") expect(kernel).toBe(1)
  })

  it("has the number and the section of its block", () => {
    const numbers = new Map<string, Set<number>>()
    for (const { section, blockIndex } of newTable().layers) {
      numbers.set(section, (numbers.get(section) ?? new Set()).add(blockIndex))
    }
    const nine = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(Object.fromEntries(numbers)).toEqual({
      ...{ embedding: new Set([0]), input: nine, middle: new Set([0]), output: nine, end: new Set([0]) },
    })
  })
})

describe("the parts of a block", () => {
  it("are those of SDXL, in their order", () => {
    const { inputBlocks, middle, outputBlocks } = unetFigure(SDXL_LAYOUT)
    const kinds = (blocks: typeof inputBlocks): readonly string[] =>
      blocks.map(({ parts }) => parts.map(({ kind }) => kind).join(" "))
    const [res, both] = ["res", "res transformer"]
    expect(kinds(inputBlocks)).toEqual(["conv", res, res, "downsample", both, both, "downsample", both, both])
    expect(kinds([middle])).toEqual(["res transformer res"])
    expect(kinds(outputBlocks)).toEqual([both, both, `${both} upsample`, both, both, `${both} upsample`, res, res, res])
    const names = [...inputBlocks, middle, ...outputBlocks].map(({ name }) => name)
    const of = (section: string): readonly string[] => Array.from({ length: 9 }, (_, i) => `${section} ${i}`)
    expect(names).toEqual([...of("input"), "middle", ...of("output")])
  })

  it("follow a layout whose levels all differ", () => {
    const layout = { modelChannels: 8, channelMult: [3, 1, 2], transformerDepth: [1, 0, 3], middleDepth: 2 } as const
    const table = unetTable(layout, { ...SDXL_WIDTHS, outChannels: 8 })
    const has = (path: string): boolean => table.byPath.has(path)
    expect(has("input_blocks.1.1.transformer_blocks.0.norm1")).toBe(true)
    expect(has("input_blocks.1.1.transformer_blocks.1.norm1")).toBe(false)
    expect(has("input_blocks.4.1.norm")).toBe(false)
    expect(has("input_blocks.8.1.transformer_blocks.2.norm1")).toBe(true)
    expect(has("middle_block.1.transformer_blocks.1.norm1")).toBe(true)
    expect(has("middle_block.1.transformer_blocks.2.norm1")).toBe(false)
    const widths = (path: string): readonly unknown[] => {
      const layer = table.byPath.get(path)
      return [layer?.inDim, layer?.outDim]
    }
    // The embedding has four times the model's channels, whatever the first level's width is.
    expect(widths("time_embed.0")).toEqual([8, 32])
    expect(widths("input_blocks.0.0")).toEqual([4, 24])
    expect(widths("input_blocks.4.0.in_layers.2")).toEqual([24, 8])
    expect(widths("output_blocks.0.0.in_layers.2")).toEqual([32, 16])
    // The last skip of a level is the output of the downsampler above it.
    expect(widths("output_blocks.2.0.in_layers.2")).toEqual([16 + 8, 16])
    expect(widths("output_blocks.3.0.in_layers.2")).toEqual([16 + 8, 8])
    expect(widths("output_blocks.5.0.in_layers.2")).toEqual([8 + 24, 8])
    expect(widths("output_blocks.8.0.in_layers.2")).toEqual([24 + 24, 24])
    expect(widths("out.2")).toEqual([24, 8])
  })
})

describe("the table", () => {
  it("is made once for SDXL, and anew for other layouts and widths", () => {
    expect(unetTable(SDXL_LAYOUT)).toBe(unetTable(SDXL_LAYOUT))
    const inpainting = { ...SDXL_WIDTHS, inChannels: 9 }
    expect(unetTable(SDXL_LAYOUT, inpainting).byPath.get("input_blocks.0.0")?.inDim).toBe(9)
    expect(unetTable({ ...SDXL_LAYOUT, middleDepth: 1 }).byPath.has("middle_block.1.transformer_blocks.1.norm1")).toBe(
      false,
    )
    expect(unetTable(SDXL_LAYOUT).byPath.get("input_blocks.0.0")?.inDim).toBe(4)
  })

  it("finds a layer by both of its paths and both of its LoRA keys", () => {
    const { byPath, byDiffusersPath, byLoraKey } = newTable()
    const layer = byPath.get("input_blocks.4.1.proj_in")
    expect(layer?.path).toBe("input_blocks.4.1.proj_in")
    expect(byDiffusersPath.get("down_blocks.1.attentions.0.proj_in")).toBe(layer)
    expect(byLoraKey.get("lora_unet_input_blocks_4_1_proj_in")).toBe(layer)
    expect(byLoraKey.get("lora_unet_down_blocks_1_attentions_0_proj_in")).toBe(layer)
    expect(byLoraKey.has("lora_unet_input_blocks_4_1_norm")).toBe(false)
  })
})
