import "@tensorflow/tfjs"
import { SDXL_LAYOUT, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import { describe, expect, it } from "vitest"
import { weight as values } from "../../../reference/synthetic.ts"
import { syntheticFile } from "../../../reference/weights.ts"
import { loraFile, SMALL_TEXT } from "../../../test/small-lora.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { buildText1, buildText2 } from "../clip/weights.ts"
import type { SdxlFiles } from "../layouts/parts.ts"
import { SDXL_UNET } from "../unet/config.ts"
import { buildUnet } from "../unet/weights.ts"
import type { WeightFile } from "../weight-reader.ts"
import { isDora } from "./file-modules.ts"
import { type LoraUse, mergeLoras } from "./merged-parts.ts"
import { loraTargetsOf } from "./targets.ts"

const UNET = "lora_unet_middle_block_1_proj_in"
const VALUES = "lora_te2_text_model_encoder_layers_0_self_attn_v_proj"
/** The weights of these modules in a checkpoint. */
const UNET_WEIGHT = "model.diffusion_model.middle_block.1.proj_in.weight"
const JOINED = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight"

const files = async (): Promise<SdxlFiles> => {
  const unet = await syntheticFile(buildUnet(SMALL_UNET))
  const text1 = await syntheticFile(buildText1(SMALL_TEXT))
  return { unet, vae: unet, text1, text2: await syntheticFile(buildText2({ ...SMALL_TEXT, projection: 8 })) }
}

const lora = (label = "a") =>
  loraFile(
    label,
    { [UNET]: { lora_down: [2, 128], lora_up: [128, 2] }, [VALUES]: { lora_down: [2, 8], lora_up: [8, 2] } },
    (name, shape) => values(`${label} ${name}`, shape),
  )

const floats = async ({ entries }: WeightFile, name: string): Promise<Float32Array> => {
  const entry = entries.get(name) as WeightEntry
  return toFloat32(await entry.read(), entry.dtype as "F32")
}

/** up · down of a module of `lora`. */
function product(label: string, module: string, side: number): Float32Array {
  const up = values(`${label} ${module}.lora_up`, [side, 2])
  const down = values(`${label} ${module}.lora_down`, [2, side])
  return Float32Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [Math.floor(i / side), i % side]
    return [0, 1].reduce((sum, k) => sum + (up[2 * row + k] ?? 0) * (down[k * side + column] ?? 0), 0)
  })
}

const farthest = (a: Float32Array, b: Float32Array): number => {
  expect(a).toHaveLength(b.length)
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0)
}

/** The weight of the U-Net and the joined one of the text encoder, merged and as they were. */
async function merged(uses: readonly LoraUse[]) {
  const before = await files()
  const after = mergeLoras(before, uses).files
  return {
    unet: [await floats(after.unet, UNET_WEIGHT), await floats(before.unet, UNET_WEIGHT)] as const,
    text: [await floats(after.text2, JOINED), await floats(before.text2, JOINED)] as const,
  }
}

/** What a merge adds to the U-Net's weight, and to the rows of the values. */
async function expectAdded(uses: readonly LoraUse[], unet: Float32Array, text: Float32Array): Promise<void> {
  const found = await merged(uses)
  const [weight, was] = found.unet
  expect(
    farthest(
      weight,
      was.map((value, i) => value + (unet[i] ?? 0)),
    ),
  ).toBeLessThan(2e-6)
  const [joined, wasJoined] = found.text
  // open_clip joins queries, keys and values, eight rows of eight values each.
  expect(farthest(joined.subarray(0, 128), wasJoined.subarray(0, 128))).toBe(0)
  const rows = wasJoined.subarray(128)
  expect(
    farthest(
      joined.subarray(128),
      rows.map((value, i) => value + (text[i] ?? 0)),
    ),
  ).toBeLessThan(2e-6)
}

describe("LoRAs that are merged", () => {
  const times = (factor: number, label = "a") =>
    [product(label, UNET, 128), product(label, VALUES, 8)].map((all) => all.map((value) => factor * value)) as [
      Float32Array,
      Float32Array,
    ]
  const [unet, text] = times(1)

  it("add up times down, at the rows of their own layer", async () => {
    expect(Math.max(...unet)).toBeGreaterThan(0.01)
    await expectAdded([{ file: lora() }], unet, text)
  })

  it("act on text encoders as on the U-Net, or with a strength of their own", async () => {
    await expectAdded([{ file: lora(), strength: 0.5 }], ...times(0.5))
    await expectAdded([{ file: lora(), strength: 0.5, textStrength: -2 }], times(0.5)[0], times(-2)[1])
    await expectAdded([{ file: lora(), textStrength: 0 }], unet, times(0)[1])
  })

  it("act by block, where text is the base", async () => {
    await expectAdded([{ file: lora(), blocks: { M00: 3, BASE: 0.25 } }], times(3)[0], times(0.25)[1])
  })

  it("add up over one weight", async () => {
    const [more] = times(0.5, "b")
    await expectAdded(
      [{ file: lora() }, { file: lora("b"), strength: 0.5, textStrength: 0 }],
      unet.map((value, i) => value + (more[i] ?? 0)),
      text,
    )
  })

  it("leave everything else as it is", async () => {
    const before = await files()
    expect(mergeLoras(before, [])).toEqual({ files: before, notices: [] })
    const { files: after, notices } = mergeLoras(before, [{ file: lora() }])
    expect(after.vae).toBe(before.vae)
    const changed = (part: "unet" | "text1" | "text2"): readonly string[] =>
      [...after[part].entries].filter(([name, entry]) => before[part].entries.get(name) !== entry).map(([name]) => name)
    expect([changed("unet"), changed("text1"), changed("text2")]).toEqual([[UNET_WEIGHT], [], [JOINED]])
    expect(notices).toEqual([])
    const none = mergeLoras(before, [{ file: lora(), strength: 0 }]).files
    expect(none.unet.entries.get(UNET_WEIGHT)).toBe(before.unet.entries.get(UNET_WEIGHT))
  })

  it("keep a checkpoint's dtype, but for eight bits, which become float16 in the whole part", async () => {
    const stored = async (dtype: "F16" | "BF16" | "F8_E4M3" | "F8_E5M2") => {
      const before = await files()
      const entries = new Map(
        [...before.unet.entries].map(([name, { shape, read }]): [string, WeightEntry] => [
          name,
          { name, dtype, shape, read: async () => fromFloat32(toFloat32(await read(), "F32"), dtype) },
        ]),
      )
      const unet = { ...before.unet, entries }
      const after = mergeLoras({ ...before, unet }, [{ file: lora() }]).files.unet
      return { unet, after, dtypes: new Set([...after.entries.values()].map((entry) => entry.dtype)) }
    }
    expect((await stored("BF16")).dtypes).toEqual(new Set(["BF16"]))
    expect((await stored("F16")).dtypes).toEqual(new Set(["F16"]))
    for (const dtype of ["F8_E4M3", "F8_E5M2"] as const) {
      const { unet: was, after, dtypes } = await stored(dtype)
      expect(dtypes).toEqual(new Set(["F16"]))
      const bias = UNET_WEIGHT.replace("weight", "bias")
      const [wide, narrow] = [after.entries.get(bias), was.entries.get(bias)] as [WeightEntry, WeightEntry]
      expect(toFloat32(await wide.read(), "F16")).toEqual(toFloat32(await narrow.read(), dtype))
      const base = toFloat32(await (was.entries.get(UNET_WEIGHT) as WeightEntry).read(), dtype)
      const sum = toFloat32(await (after.entries.get(UNET_WEIGHT) as WeightEntry).read(), "F16")
      expect(
        farthest(
          sum,
          base.map((value, i) => value + (unet[i] ?? 0)),
        ),
      ).toBeLessThan(1e-3)
    }
  })

  it("are refused with a strength that is not a number, and for weights that are not plain", async () => {
    const before = await files()
    expect(() => mergeLoras(before, [{ file: lora(), strength: Number.NaN }])).toThrow("a: strength is NaN")
    const entries = new Map(before.unet.entries)
    entries.set(UNET_WEIGHT, { ...(entries.get(UNET_WEIGHT) as WeightEntry), dtype: "U8" })
    expect(() => mergeLoras({ ...before, unet: { ...before.unet, entries } }, [{ file: lora() }])).toThrow(
      `"${UNET_WEIGHT}" is U8, to which no LoRA can be added`,
    )
  })

  it("say which tensors they do not use", async () => {
    const file = lora()
    const extra = (name: string): void => void file.entries.set(name, [...file.entries.values()][0] as WeightEntry)
    extra("lora_unet_none.lora_up.weight")
    const before = await files()
    expect(mergeLoras(before, [{ file }]).notices).toEqual([
      'a: 1 tensor fits no layer and is not used, first "lora_unet_none.lora_up.weight".',
    ])
    extra("something")
    expect(mergeLoras(before, [{ file }]).notices).toEqual([
      'a: 2 tensors fit no layer and are not used, first "lora_unet_none.lora_up.weight".',
    ])
  })

  it.each([
    ["lora_unet_none.lora_up.weight", 'its first tensor is "lora_unet_none.lora_up.weight"'],
    ["lora_unet_middle_block_1_proj_in.oft_blocks", "is an adapter of OFT or IA3"],
    ["lora_unet_middle_block_1_proj_in.on_input", "is an adapter of OFT or IA3"],
  ])("are refused with %s alone", async (name, message) => {
    const [entry] = lora().entries.values()
    const file = { label: "a", entries: new Map([[name, entry as WeightEntry]]) }
    const before = await files()
    expect(() => mergeLoras(before, [{ file }])).toThrow(message)
  })

  it("are told from DoRAs by their names", () => {
    expect(isDora(lora())).toBe(false)
    const entries = new Map([...lora().entries, [`${UNET}.dora_scale`, [...lora().entries.values()][0] as WeightEntry]])
    expect(isDora({ entries })).toBe(true)
  })
})

describe("the layers of SDXL that a LoRA can change", () => {
  const text = { ...SMALL_TEXT, width: 768, layers: 12 }
  const targets = loraTargetsOf({ unet: SDXL_UNET, text1: text, text2: { ...SMALL_TEXT, width: 1280, layers: 32 } })
  const keys = [...targets.keys()]

  it("are as many as sd-scripts counts", () => {
    // It writes "create LoRA for Text Encoder 1: 72 modules", 192 for the second, and 722 for the U-Net's transformers.
    expect(keys.filter((key) => key.startsWith("lora_te1_"))).toHaveLength(72)
    expect(keys.filter((key) => key.startsWith("lora_te2_"))).toHaveLength(192)
    const transformers = keys.filter((key) => /^lora_unet_.*(transformer_blocks|proj_in|proj_out)/.test(key))
    const named = transformers.filter((key) => /_(input_blocks|middle_block|output_blocks)_/.test(key))
    expect(named).toHaveLength(722)
    expect(SDXL_LAYOUT.transformerDepth).toEqual([0, 2, 10])
  })

  it.each([
    ["lora_unet_input_blocks_4_1_proj_in", "unet", "model.diffusion_model.input_blocks.4.1.proj_in.weight", 0],
    [
      "lora_te1_text_model_encoder_layers_11_mlp_fc2",
      "text1",
      "conditioner.embedders.0.transformer.text_model.encoder.layers.11.mlp.fc2.weight",
      0,
    ],
    [
      "lora_te2_text_model_encoder_layers_31_self_attn_k_proj",
      "text2",
      "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_weight",
      1280,
    ],
    [
      "lora_te2_text_model_encoder_layers_3_self_attn_out_proj",
      "text2",
      "conditioner.embedders.1.model.transformer.resblocks.3.attn.out_proj.weight",
      0,
    ],
    [
      "lora_te2_text_model_encoder_layers_3_mlp_fc1",
      "text2",
      "conditioner.embedders.1.model.transformer.resblocks.3.mlp.c_fc.weight",
      0,
    ],
    [
      "lora_te2_text_model_encoder_layers_3_mlp_fc2",
      "text2",
      "conditioner.embedders.1.model.transformer.resblocks.3.mlp.c_proj.weight",
      0,
    ],
  ])("have %s at its place", (key, part, weight, firstRow) => {
    expect(targets.get(key)).toMatchObject({ part, weight, firstRow })
  })
})
