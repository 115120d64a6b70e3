import { describe, expect, it } from "vitest"
import { type ControlNetLayout, controlNetFigure, controlNetLayers } from "./controlnet-figure.ts"
import { SDXL_LAYOUT } from "./unet-layout.ts"
import { unetTable } from "./unet-table.ts"

/** The first ControlNets for SDXL: Canny and depth of diffusers. */
const SDXL_CONTROL_NET: ControlNetLayout = {
  unet: SDXL_LAYOUT,
  widths: { inChannels: 4, contextDim: 2048, vectorDim: 2816 },
  middleBlocks: 2,
  hintChannels: 3,
  hintWidths: [16, 16, 32, 32, 96, 96, 256],
}

describe("the figure of a ControlNet", () => {
  it("halves the control picture three times, by every second layer between the first and the last", () => {
    // diffusers: ControlNetConditioningEmbedding, 8 layers from the picture to the first level.
    const { hint } = controlNetFigure(SDXL_CONTROL_NET)
    const rows = hint.map(({ path, diffusersPath, inDim, outDim, stride }) => [
      ...[path, diffusersPath.replace("controlnet_cond_embedding.", ""), inDim, outDim, stride],
    ])
    expect(rows).toEqual([
      ["input_hint_block.0", "conv_in", 3, 16, 1],
      ["input_hint_block.2", "blocks.0", 16, 16, 1],
      ["input_hint_block.4", "blocks.1", 16, 32, 2],
      ["input_hint_block.6", "blocks.2", 32, 32, 1],
      ["input_hint_block.8", "blocks.3", 32, 96, 2],
      ["input_hint_block.10", "blocks.4", 96, 96, 1],
      ["input_hint_block.12", "blocks.5", 96, 256, 2],
      ["input_hint_block.14", "conv_out", 256, 320, 1],
    ])
    for (const layer of hint) {
      expect(layer).toMatchObject({ network: "controlnet", block: "control", kind: "conv", kernel: 3, bias: true })
    }
  })

  it("has a 1×1 convolution after each input block, of its width, and one after the middle", () => {
    const { zero, middleZero } = controlNetFigure(SDXL_CONTROL_NET)
    expect(zero.map(({ outDim }) => outDim)).toEqual([320, 320, 320, 320, 640, 640, 640, 1280, 1280])
    zero.forEach((layer, i) => {
      expect(layer).toEqual({
        ...{ network: "controlnet", block: `input ${i}`, path: `zero_convs.${i}.0` },
        ...{ diffusersPath: `controlnet_down_blocks.${i}`, kind: "conv", kernel: 1, stride: 1, bias: true },
        ...{ inDim: layer.outDim, outDim: layer.outDim },
      })
    })
    expect(middleZero).toEqual({
      ...{ network: "controlnet", block: "middle", path: "middle_block_out.0" },
      ...{ diffusersPath: "controlnet_mid_block", kind: "conv", kernel: 1, stride: 1, bias: true },
      ...{ inDim: 1280, outDim: 1280 },
    })
  })

  it("has the U-Net's layers of the way down and the middle under its own name, and none of the way up", () => {
    const figure = controlNetFigure(SDXL_CONTROL_NET)
    const { layers } = unetTable({ ...SDXL_LAYOUT })
    const down = layers.filter(({ section }) => section !== "output" && section !== "end")
    const own = [...controlNetLayers(figure)]
    expect(own).toHaveLength(down.length + 8 + 9 + 1)
    expect(own.slice(0, down.length)).toEqual(down.map((layer) => ({ ...layer, network: "controlnet" })))
    expect(new Set(own.map(({ network }) => network))).toEqual(new Set(["controlnet"]))
    expect(figure.middle.name).toBe("middle")
    expect(figure.inputBlocks.map(({ name }) => name)).toEqual(Array.from({ length: 9 }, (_, i) => `input ${i}`))
  })

  it("takes its first width from the layout's first level, and its inputs from its own widths", () => {
    const wide = controlNetFigure({
      ...SDXL_CONTROL_NET,
      unet: { ...SDXL_LAYOUT, modelChannels: 32, channelMult: [2, 3, 5] },
      widths: { inChannels: 9, contextDim: 48, vectorDim: 100 },
      hintChannels: 1,
      hintWidths: [8],
    })
    expect(wide.hint.map(({ inDim, outDim, stride }) => [inDim, outDim, stride])).toEqual([
      [1, 8, 1],
      [8, 64, 1],
    ])
    expect(wide.zero.map(({ outDim }) => outDim)).toEqual([64, 64, 64, 64, 96, 96, 96, 160, 160])
    expect(wide.middleZero.outDim).toBe(160)
    const widths = new Map([...controlNetLayers(wide)].map(({ path, inDim, outDim }) => [path, [inDim, outDim]]))
    expect(widths.get("input_blocks.0.0")).toEqual([9, 64])
    expect(widths.get("label_emb.0.0")).toEqual([100, 128])
    expect(widths.get("input_blocks.4.1.transformer_blocks.0.attn2.to_k")).toEqual([48, 96])
  })

  it("does not halve the control picture in its last layer", () => {
    const { hint } = controlNetFigure({ ...SDXL_CONTROL_NET, hintWidths: [8, 16] })
    expect(hint.map(({ diffusersPath, stride }) => [diffusersPath.split(".").pop(), stride])).toEqual([
      ["conv_in", 1],
      ["0", 1],
      ["conv_out", 1],
    ])
  })

  it("may have a middle of one residual block", () => {
    const unet = { ...SDXL_LAYOUT, transformerDepth: [0, 0, 0] as const, middleDepth: 0 }
    const pathsOf = (middleBlocks: 1 | 2): readonly string[] => {
      const layers = [...controlNetLayers(controlNetFigure({ ...SDXL_CONTROL_NET, unet, middleBlocks }))]
      return layers.filter(({ block }) => block === "middle").map(({ path }) => path)
    }
    const one = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"]
    const of = (block: number): readonly string[] => one.map((tail) => `middle_block.${block}.${tail}`)
    expect(pathsOf(1)).toEqual([...of(0), "middle_block_out.0"])
    expect(pathsOf(2)).toEqual([...of(0), ...of(1), "middle_block_out.0"])
  })
})
