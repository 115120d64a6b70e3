import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { describeWithReference, referenceJson } from "../../test/reference.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import { readControlNet } from "./read.ts"
import { unionShapes } from "./union.ts"

type Shapes = Readonly<Record<string, readonly number[]>>

interface Keys {
  readonly keys: { readonly keys: Readonly<Record<string, readonly [original: string, shape: readonly number[]]>> }
  readonly union: { readonly extraKeys: Shapes }
}

function header(shapes: Shapes): { tensors: ReadonlyMap<string, TensorInfo>; label: string } {
  const infos = Object.entries(shapes).map(
    ([name, shape]) => [name, { name, dtype: "F16" as const, shape, start: 0, end: 0 }] as const,
  )
  return { label: "file", tensors: new Map(infos) }
}

describeWithReference("readControlNet", ["controlnet.json"], () => {
  const { keys, union } = referenceJson<Keys>("controlnet.json")
  const named = (name: (diffusers: string, original: string) => string): Shapes =>
    Object.fromEntries(
      Object.entries(keys.keys).map(([diffusers, [original, shape]]) => [name(diffusers, original), shape]),
    )
  const diffusers = named((name) => name)
  const LAYOUTS = [
    ["diffusers", diffusers],
    ["original", named((_, original) => original)],
    ["original", named((_, original) => `control_model.${original}`)],
  ] as const

  it.each(LAYOUTS)("finds every tensor of a file with %s names", (names, shapes) => {
    const found = readControlNet(header(shapes))
    expect(found).toMatchObject({ names, problems: [], unused: [], union: null })
    expect(found.layout).toEqual({
      unet: { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 2, 2], middleDepth: 2 },
      widths: { inChannels: 4, contextDim: 64, vectorDim: 1576 },
      middleBlocks: 2,
      hintChannels: 3,
      hintWidths: [16, 16, 32, 32, 96, 96, 256],
    })
    expect(new Set(found.tensors.values())).toEqual(new Set(Object.keys(shapes)))
  })

  it("gives each tensor the name of the original layout", () => {
    const { tensors } = readControlNet(header(diffusers))
    const wanted = Object.entries(keys.keys).map(([name, [original]]) => [original, name])
    expect(Object.fromEntries(tensors)).toEqual(Object.fromEntries(wanted))
  })

  it("names every tensor that is missing, whichever they are", () => {
    // Without these, another layout or kind is found.
    const deciding =
      /^controlnet_cond_embedding|^add_embedding|norm1\.weight|norm2\.weight|conv_in\.weight|resnets\.1\.conv1/
    const names = Object.keys(diffusers).filter((name) => !deciding.test(name))
    fc.assert(
      fc.property(fc.subarray(names, { minLength: 1, maxLength: 5 }), (lost) => {
        const left = Object.fromEntries(Object.entries(diffusers).filter(([name]) => !lost.includes(name)))
        const { problems } = readControlNet(header(left))
        expect(problems).toHaveLength(lost.length)
        for (const name of lost) expect(problems.some((problem) => problem.startsWith(`"${name}" [`))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it("names a tensor of another shape", () => {
    const { problems } = readControlNet(header({ ...diffusers, "conv_in.bias": [31] }))
    expect(problems).toEqual(['"conv_in.bias" is [31], expected [32]'])
  })

  it("takes 1×1 convolutions and matrices for each other, and names what is not used", () => {
    const shapes = { ...diffusers, "down_blocks.1.attentions.0.proj_in.weight": [64, 64, 1, 1], extra: [1] }
    expect(readControlNet(header(shapes))).toMatchObject({ problems: [], unused: ["extra"] })
  })

  it("finds a ControlNet of several control types", () => {
    const shapes = { ...diffusers, ...union.extraKeys }
    const found = readControlNet(header(shapes))
    expect(found).toMatchObject({ problems: [], unused: [], union: { types: 6, width: 32, blocks: 1 } })
    expect(Object.fromEntries(unionShapes({ types: 6, width: 32, blocks: 1 }, found.layout))).toEqual(union.extraKeys)
  })

  it("finds a small ControlNet without attention, whose middle has one block", () => {
    const small = Object.entries(diffusers).filter(([name]) => !/attentions|mid_block\.resnets\.1/.test(name))
    const found = readControlNet(header(Object.fromEntries(small)))
    expect(found).toMatchObject({ problems: [], unused: [], layout: { middleBlocks: 1, widths: { contextDim: 0 } } })
    expect(found.layout.unet).toMatchObject({ transformerDepth: [0, 0, 0], middleDepth: 0 })
  })
})

describe("a file of another kind", () => {
  const read = (shapes: Shapes) => () => readControlNet(header(shapes))

  it.each([
    [
      "controlnet_cond_embedding.conv_in.weight",
      768,
      /ControlNet \(diffusers names\) for Stable Diffusion 1\..*for SDXL/,
    ],
    ["controlnet_cond_embedding.conv_in.weight", 1024, /for Stable Diffusion 2\./],
    ["control_model.zero_convs.0.0.weight", 768, /ControlNet \(original names\) for Stable Diffusion 1\./],
  ])("is refused by its base model (%s, text of %i)", (name, text, message) => {
    const prefix = name.startsWith("control_model.") ? "control_model." : ""
    const attention = `${prefix}down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight`
    expect(read({ [name]: [16, 3, 3, 3], [attention]: [640, text] })).toThrow(
      expect.objectContaining({ code: "wrong-kind", message: expect.stringMatching(message) }),
    )
  })

  it.each([
    ["controlnet_cond_embedding.conv_in.weight", /without SDXL's size conditioning/],
    ["controlnet_blocks.0.weight", /SD3 or another transformer/],
    ["lora_controlnet", /Control-LoRA\. Control-LoRAs cannot be run yet/],
    ["adapter.body.0.resnets.0.block1.weight", /a T2I-Adapter .*T2I-Adapters cannot be run yet/],
    ["ip_adapter.1.to_k_ip.weight", /an IP-Adapter\. IP-Adapters cannot be run yet/],
    ["lllite_unet_a.down.0.weight", /a ControlNet-LLLite for SDXL/],
    ["first_stage_model.a", /a VAE/],
  ])("is refused by its name (%s)", (name, message) => {
    expect(read({ [name]: [1] })).toThrow(
      expect.objectContaining({ code: "wrong-kind", message: expect.stringMatching(message) }),
    )
  })
})
