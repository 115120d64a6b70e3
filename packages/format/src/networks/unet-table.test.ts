import { describe, expect, it } from "vitest"
import { layerTensors } from "../../test/layer-tensors.ts"
import { describeWithReference, referenceJson } from "../../test/reference.ts"
import { loraKey } from "./lora-key.ts"
import { textBlockFigure } from "./text-layers.ts"
import { SDXL_WIDTHS, unetFigure } from "./unet-figure.ts"
import { SDXL_LAYOUT } from "./unet-layout.ts"
import { type UnetTable, unetTable } from "./unet-table.ts"

/** SDXL's table, made anew: the one that is kept would hide a change of the code between two tests. */
const newTable = (): UnetTable => unetTable({ ...SDXL_LAYOUT })

const PREFIX = "model.diffusion_model."

describeWithReference("the table of SDXL's U-Net", ["sdxl-checkpoint-keys.json"], () => {
  it("has every tensor of a checkpoint, of its shape, in its order", () => {
    const shapes = referenceJson<Record<string, readonly number[]>>("sdxl-checkpoint-keys.json")
    const wanted = Object.entries(shapes).filter(([name]) => name.startsWith(PREFIX))
    expect(wanted).toHaveLength(1680)
    expect(newTable().layers.flatMap((layer) => layerTensors(layer, PREFIX + layer.path))).toEqual(wanted)
  })

  it("has a LoRA key for every matrix and kernel of a checkpoint", () => {
    const shapes = referenceJson<Record<string, readonly number[]>>("sdxl-checkpoint-keys.json")
    const wanted = Object.entries(shapes).flatMap(([name, shape]) =>
      name.startsWith(PREFIX) && shape.length > 1
        ? [`lora_unet_${name.slice(PREFIX.length, -".weight".length).replaceAll(".", "_")}`]
        : [],
    )
    const { layers, byLoraKey } = newTable()
    expect(layers.flatMap((layer) => (layer.kind === "norm" ? [] : (loraKey(layer) ?? [])))).toEqual(wanted)
    // Each layer has two names, one for each layout. No name belongs to two layers.
    expect(byLoraKey.size).toBe(2 * wanted.length)
  })
})

describeWithReference("the table of a tiny U-Net", ["lora.json", "unet.json"], () => {
  it("finds the modules of the reference's LoRAs, in both layouts", () => {
    interface LoraCases {
      readonly unet: { readonly channels: number; readonly depth1: number; readonly depth2: number }
      readonly files: Readonly<Record<string, { readonly modules: readonly string[] | null }>>
      readonly kohyaDiffusersNames: { readonly names: Readonly<Record<string, string>> }
    }
    const { files, kohyaDiffusersNames } = referenceJson<LoraCases>("lora.json")
    const { unet } = referenceJson<Pick<LoraCases, "unet">>("unet.json")
    const layout = {
      ...SDXL_LAYOUT,
      modelChannels: unet.channels,
      transformerDepth: [0, unet.depth1, unet.depth2] as const,
      middleDepth: unet.depth2,
    }
    const { byLoraKey } = unetTable(layout)
    const text = new Set(
      (["text1", "text2"] as const).flatMap((network) =>
        Array.from({ length: 32 }, (_, i) => Object.values(textBlockFigure(network, i, 64)).map(loraKey)).flat(),
      ),
    )
    const modules = files.conv?.modules ?? []
    expect(modules).toHaveLength(404)
    expect(modules.filter((key) => !byLoraKey.has(key) && !text.has(key))).toEqual([])
    const pairs = Object.entries(kohyaDiffusersNames.names)
    expect(pairs.length).toBeGreaterThan(100)
    for (const [stability, diffusers] of pairs) {
      expect(byLoraKey.get(stability)).toBeDefined()
      expect(byLoraKey.get(diffusers)?.path).toBe(byLoraKey.get(stability)?.path)
    }
  })
})

describe("the figure of a U-Net", () => {
  it("has the input and output channels of its checkpoint", () => {
    const { inputBlocks, outConv } = unetFigure(SDXL_LAYOUT, { ...SDXL_WIDTHS, inChannels: 9 })
    const [first] = inputBlocks[0]?.parts ?? []
    expect(first).toMatchObject({ kind: "conv", conv: { path: "input_blocks.0.0", inDim: 9, outDim: 320 } })
    expect(outConv).toMatchObject({ path: "out.2", inDim: 320, outDim: 4 })
  })

  it("numbers the parts of levels without transformers one lower", () => {
    const bare = unetTable({ ...SDXL_LAYOUT, transformerDepth: [0, 0, 0], middleDepth: 0 })
    expect(bare.byPath.get("output_blocks.2.1.conv")?.diffusersPath).toBe("up_blocks.0.upsamplers.0.conv")
    expect(bare.byPath.get("middle_block.1.in_layers.2")?.diffusersPath).toBe("mid_block.resnets.1.conv1")
    expect(newTable().byPath.get("output_blocks.2.2.conv")?.role).toBe("upsample")
  })

  it("refuses a layout of broken numbers", () => {
    expect(() => unetFigure({ ...SDXL_LAYOUT, middleDepth: -1 })).toThrow("middleDepth is -1")
  })
})
