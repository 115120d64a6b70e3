import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { layerTensors } from "../../test/layer-tensors.ts"
import { describeWithReference, referenceJson } from "../../test/reference.ts"
import { type ControlNetLayout, controlNetFigure, controlNetLayers } from "../networks/controlnet-figure.ts"
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

/** The shapes of a ControlNet's file with diffusers' names or the original ones. */
function shapesOf(layout: ControlNetLayout, names: "diffusers" | "original", prefix = ""): Shapes {
  const layers = [...controlNetLayers(controlNetFigure(layout))]
  const path = (layer: (typeof layers)[number]): string => (names === "original" ? layer.path : layer.diffusersPath)
  return Object.fromEntries(layers.flatMap((layer) => layerTensors(layer, prefix + path(layer))))
}

describe("the layout of a file", () => {
  const UNLIKE: ControlNetLayout = {
    unet: { modelChannels: 8, channelMult: [1, 3, 2], transformerDepth: [1, 0, 3], middleDepth: 2 },
    widths: { inChannels: 9, contextDim: 24, vectorDim: 40 },
    ...{ middleBlocks: 2, hintChannels: 1, hintWidths: [4, 6, 10] },
  }
  const LAYOUTS: readonly [string, ControlNetLayout][] = [
    ["levels that all differ", UNLIKE],
    ["one layer before the last of its control", { ...UNLIKE, hintWidths: [4] }],
    [
      "attention at the first level alone",
      { ...UNLIKE, unet: { ...UNLIKE.unet, transformerDepth: [2, 0, 0], middleDepth: 0 } },
    ],
    [
      "attention in the middle alone",
      { ...UNLIKE, unet: { ...UNLIKE.unet, transformerDepth: [0, 0, 0], middleDepth: 3 } },
    ],
    [
      "two residual blocks in a middle without attention",
      {
        ...{ ...UNLIKE, unet: { ...UNLIKE.unet, transformerDepth: [0, 0, 0], middleDepth: 0 } },
        widths: { ...UNLIKE.widths, contextDim: 0 },
      },
    ],
    [
      "attention at the last level alone",
      { ...UNLIKE, unet: { ...UNLIKE.unet, transformerDepth: [0, 0, 1], middleDepth: 0 } },
    ],
    [
      "a middle of one block",
      {
        ...{ ...UNLIKE, middleBlocks: 1, unet: { ...UNLIKE.unet, transformerDepth: [0, 0, 0], middleDepth: 0 } },
        widths: { ...UNLIKE.widths, contextDim: 0 },
      },
    ],
  ]
  const NAMES = [
    ["diffusers", ""],
    ["original", ""],
    ["original", "control_model."],
  ] as const

  it.each(LAYOUTS)("of %s is found in the names of every tool", (_, layout) => {
    for (const [names, prefix] of NAMES) {
      const found = readControlNet(header(shapesOf(layout, names, prefix)))
      expect(found).toMatchObject({ names, layout, problems: [], unused: [], union: null })
    }
  })

  it("is found with its control types behind a prefix", () => {
    const union = { types: 8, width: 12, blocks: 2 }
    const own = [...unionShapes(union, UNLIKE)].map(([name, shape]) => [`control_model.${name}`, shape] as const)
    const shapes = { ...shapesOf(UNLIKE, "original", "control_model."), ...Object.fromEntries(own) }
    const found = readControlNet(header(shapes))
    expect(found).toMatchObject({ union, problems: [], unused: [] })
    expect(found.tensors.get("task_embedding")).toBe("control_model.task_embedding")
    // A union whose transformer is missing is named by its first block.
    const { problems } = readControlNet(
      header(Object.fromEntries(Object.entries(shapes).filter(([name]) => !name.includes("transformer_layes")))),
    )
    expect(problems).toHaveLength(12)
    expect(problems[0]).toBe('"control_model.transformer_layes.0.attn.in_proj_weight" [36, 12] is missing')
  })

  it("is found where tensors without the prefix stand beside it", () => {
    const shapes = { global_step: [], ...shapesOf(UNLIKE, "original", "control_model.") }
    expect(readControlNet(header(shapes))).toMatchObject({ layout: UNLIKE, problems: [], unused: ["global_step"] })
  })

  it("has no control types by a tensor of one axis", () => {
    const found = readControlNet(header({ ...shapesOf(UNLIKE, "diffusers"), task_embedding: [6] }))
    expect(found).toMatchObject({ union: null, unused: ["task_embedding"] })
  })

  it("names every tensor that is missing, with the shape that it should have", () => {
    const shapes = Object.entries(shapesOf(UNLIKE, "original", "control_model."))
    const left = shapes.filter(([name]) => !/zero_convs\.3|attn2\.to_out\.0\.weight/.test(name))
    expect(readControlNet(header(Object.fromEntries(left))).problems).toEqual([
      ...["input_blocks.1.1.transformer_blocks.0", "input_blocks.2.1.transformer_blocks.0"].map(
        (block) => `"control_model.${block}.attn2.to_out.0.weight" [8, 8] is missing`,
      ),
      ...["7.1.transformer_blocks.0", "7.1.transformer_blocks.1", "7.1.transformer_blocks.2"].map(
        (block) => `"control_model.input_blocks.${block}.attn2.to_out.0.weight" [16, 16] is missing`,
      ),
      ...["8.1.transformer_blocks.0", "8.1.transformer_blocks.1", "8.1.transformer_blocks.2"].map(
        (block) => `"control_model.input_blocks.${block}.attn2.to_out.0.weight" [16, 16] is missing`,
      ),
      ...["0", "1"].map(
        (block) =>
          `"control_model.middle_block.1.transformer_blocks.${block}.attn2.to_out.0.weight" [16, 16] is missing`,
      ),
      '"control_model.zero_convs.3.0.weight" [8, 8, 1, 1] is missing',
      '"control_model.zero_convs.3.0.bias" [8] is missing',
    ])
  })

  it("takes a 1×1 convolution for a matrix, and no other axes of 1", () => {
    const shapes = shapesOf(UNLIKE, "diffusers")
    const problems = (name: string, shape: readonly number[]): readonly string[] =>
      readControlNet(header({ ...shapes, [name]: shape })).problems
    expect(problems("controlnet_mid_block.weight", [16, 16])).toEqual([])
    expect(problems("controlnet_mid_block.weight", [16, 16, 1, 1])).toEqual([])
    for (const wrong of [
      [16, 16, 1],
      [16, 16, 3, 1],
      [16, 16, 1, 3],
      [16, 16, 3, 3],
      [16, 8, 1, 1],
    ]) {
      expect(problems("controlnet_mid_block.weight", wrong)).toEqual([
        `"controlnet_mid_block.weight" is [${wrong.join(", ")}], expected [16, 16, 1, 1]`,
      ])
    }
    expect(problems("controlnet_mid_block.bias", [16, 1])).toHaveLength(1)
  })
})

describe("a file of another kind", () => {
  const read = (shapes: Shapes) => () => readControlNet(header(shapes))

  it("is refused with the way to use it, and the file's name", () => {
    const checkpoint = { "model.diffusion_model.a": [1], "conditioner.embedders.1.a": [1] }
    expect(read(checkpoint)).toThrow(
      expect.objectContaining({
        source: "file",
        message: expect.stringMatching(
          /this is an SDXL checkpoint\. Load it as the base model, and a ControlNet beside/,
        ),
      }),
    )
  })

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

  it("is refused with the model that it belongs to", () => {
    expect(read({ "controlnet_blocks.0.weight": [1], "double_blocks.0.a": [1] })).toThrow(
      "this is a ControlNet for Flux. It does not fit SDXL. Find one of the same control for SDXL.",
    )
    expect(read({ "controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3] })).toThrow(
      "It belongs to another model. Find one of the same control for SDXL.",
    )
  })

  it.each([
    ["controlnet_cond_embedding.conv_in.weight", /without SDXL's size conditioning/],
    ["controlnet_blocks.0.weight", /SD3 or another transformer/],
    ["lora_controlnet", /Control-LoRA\. Control-LoRAs cannot be run yet/],
    ["adapter.body.0.resnets.0.block1.weight", /a T2I-Adapter .*T2I-Adapters cannot be run yet/],
    ["ip_adapter.1.to_k_ip.weight", /an IP-Adapter\. IP-Adapters cannot be run yet/],
    ["lllite_unet_a.down.0.weight", /a ControlNet-LLLite for SDXL\. Its tensors' names begin with controlnet_ or/],
    ["lllite_dit_a.down.0.weight", /a ControlNet-LLLite for Anima, v1 .*It runs with Anima only/],
    ["lora_te2_a.lora_down.weight", /a LoRA for SDXL \(kohya names\)\. Give it as a LoRA/],
    ["lora_unet_a.lokr_w1", /a LyCORIS adapter \(LoKr\)\. Give it as a LoRA/],
    ["a.base_to_ctrl.0.weight", /a ControlNet-XS .*ControlNet-XS cannot be run yet/],
    ["first_stage_model.a", /a VAE/],
  ])("is refused by its name (%s)", (name, message) => {
    expect(read({ [name]: [1] })).toThrow(
      expect.objectContaining({ code: "wrong-kind", message: expect.stringMatching(message) }),
    )
  })
})
