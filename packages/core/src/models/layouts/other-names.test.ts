import { toFloat32 } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { type LayoutTensors, toDiffusers } from "../../../test/diffusers-layout.ts"
import { checkpoint, fileOf } from "../../../test/small-checkpoint.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { inferText2Config } from "../clip/config.ts"
import { diffusersUnetRename } from "./diffusers-unet.ts"
import { isPointwise, vaeRenames } from "./diffusers-vae.ts"
import type { SdxlFiles } from "./parts.ts"
import { isProjectionTransposed, joinedParts, partsOf, text1Of, text2Of, unetOf, vaeOf } from "./parts.ts"
import { renameBy } from "./renames.ts"
import { withScales } from "./scaled-weights.ts"

const TEXT1 = "conditioner.embedders.0.transformer.text_model."
const TEXT2 = "conditioner.embedders.1.model."

const EMPTY = { dtype: "F32" as const, shape: [0], bytes: new Uint8Array() }
const named = (...names: string[]) => fileOf("a file", new Map(names.map((name) => [name, EMPTY])))
const namesOf = ({ entries }: { entries: ReadonlyMap<string, unknown> }): string[] => [...entries.keys()].sort()
const without = (tensors: LayoutTensors, gone: RegExp): LayoutTensors =>
  new Map([...tensors].filter(([name]) => !gone.test(name)))

describe("a text encoder", () => {
  it("is read from a checkpoint without the tensors of other parts", async () => {
    const tensors = await checkpoint()
    const all = fileOf("all", tensors)
    const names = (prefix: string): string[] => [...tensors.keys()].filter((name) => name.startsWith(prefix)).sort()
    expect(namesOf(text1Of(all))).toEqual(names(TEXT1))
    expect(namesOf(text2Of(all))).toEqual(names(TEXT2))
    expect(isProjectionTransposed(text2Of(all))).toBe(false)
  })

  it("of transformers is read without what stands beside it", () => {
    const inner = "embeddings.token_embedding.weight"
    expect(namesOf(text1Of(named(`text_model.${inner}`, "text_projection.weight", "logit_scale")))).toEqual([
      TEXT1 + inner,
    ])
    expect(namesOf(text1Of(named(inner)))).toEqual([TEXT1 + inner])
    expect(namesOf(text2Of(named(`text_model.${inner}`, "logit_scale", "text_model.nothing")))).toEqual([
      `${TEXT2}token_embedding.weight`,
    ])
  })

  it("has the second one's projection turned, or none where the file has none", async () => {
    const { text_encoder_2: text2 } = toDiffusers(await checkpoint())
    const found = text2Of(fileOf("second", text2))
    expect(isProjectionTransposed(found)).toBe(true)
    // The file has 6 rows of 8 columns.
    expect(found.entries.get(`${TEXT2}text_projection`)?.shape).toEqual([8, 6])
    expect(inferText2Config(found)).toMatchObject({ width: 8, layers: 2, projection: 6 })
    const none = text2Of(fileOf("second", without(text2, /^text_projection/)))
    expect(none.entries.has(`${TEXT2}text_projection`)).toBe(false)
    expect(isProjectionTransposed(none)).toBe(false)
    expect(() => inferText2Config(none)).toThrow(`second holds no SDXL text encoders: "${TEXT2}text_projection"`)
  })

  it.each(["q_proj", "k_proj", "v_proj"])(
    "lacks the joined layer of a block without %s, and no other",
    async (gone) => {
      const { text_encoder_2: text2 } = toDiffusers(await checkpoint())
      const whole = namesOf(text2Of(fileOf("second", text2)))
      const cut = without(text2, new RegExp(`layers\\.1\\.self_attn\\.${gone}\\.bias`))
      expect(namesOf(text2Of(fileOf("second", cut)))).toEqual(
        whole.filter((name) => name !== `${TEXT2}transformer.resblocks.1.attn.in_proj_bias`),
      )
    },
  )

  it("is refused by the names that are expected", () => {
    expect(() => text1Of(named("lora_te.down"))).toThrow(
      `a file holds no first text encoder: expected tensors named "${TEXT1}…" or transformers' "text_model.…", ` +
        'and its first tensor is "lora_te.down".',
    )
    expect(() => text2Of(named("lora_te.down"))).toThrow(
      `a file holds no second text encoder: expected tensors named "${TEXT2}…" or transformers' "text_model.…", ` +
        'and its first tensor is "lora_te.down".',
    )
    expect(() => text2Of(named())).toThrow(/a file holds no second text encoder: .*, and it is empty\.$/)
    expect(() => text2Of(named())).toThrow(expect.objectContaining({ code: "checkpoint-part" }))
    for (const read of [text1Of, text2Of, isProjectionTransposed, unetOf, vaeOf]) {
      expect(() => read(null as never)).toThrow(/^(text encoder|U-Net|VAE)/)
    }
  })
})

describe("a U-Net of diffusers", () => {
  it.each([["down_blocks.0.resnets.0.norm1.weight"], ["time_embedding.linear_1.weight"]])(
    "is not one by %s alone, as of a T2I adapter",
    (name) => {
      expect(() => unetOf(named(name))).toThrow(/^a file holds no U-Net: /)
    },
  )

  it("has as many transformer blocks at each place as its names", () => {
    const depths = {
      "down_blocks.0.attentions.0": 1,
      "down_blocks.1.attentions.0": 2,
      "down_blocks.2.attentions.0": 3,
      "mid_block.attentions.0": 4,
    }
    const names = Object.entries(depths).flatMap(([place, depth]) =>
      Array.from({ length: depth }, (_, i) => `${place}.transformer_blocks.${i}.norm1.weight`),
    )
    const rename = diffusersUnetRename((prefix) => names.some((name) => name.startsWith(prefix)))
    const places = ["input_blocks.1.1", "input_blocks.4.1", "input_blocks.7.1", "middle_block.1"]
    expect(names.map(rename)).toEqual(
      Object.values(depths).flatMap((depth, place) =>
        Array.from({ length: depth }, (_, i) => `${places[place]}.transformer_blocks.${i}.norm1.weight`),
      ),
    )
    for (const [place, depth] of Object.entries(depths)) {
      expect(rename(`${place}.transformer_blocks.${depth}.norm1.weight`)).toBeNull()
    }
    expect(rename("conv_in.bias")).toBe("input_blocks.0.0.bias")
    expect(["weight", "", "conv_in", "x.conv_in.weight"].map(rename)).toEqual([null, null, null, null])
  })

  it("is read without tensors that have no place in it", async () => {
    const { unet } = toDiffusers(await checkpoint())
    const more = new Map([...unet, ["ema.step", EMPTY]])
    expect(namesOf(unetOf(fileOf("u", more)))).toEqual(namesOf(unetOf(fileOf("u", unet))))
  })
})

describe("names of a VAE of diffusers", () => {
  const LAYERS = { norm1: "norm1", conv1: "conv1", norm2: "norm2", conv2: "conv2", conv_shortcut: "nin_shortcut" }
  const ATTENTION = { group_norm: "norm", to_q: "q", to_k: "k", to_v: "v", "to_out.0": "proj_out" }
  const OLD = { query: "q", key: "k", value: "v", proj_attn: "proj_out" }
  const pairs: (readonly [string, string])[] = [
    ["quant_conv.weight", "quant_conv.weight"],
    ["post_quant_conv.bias", "post_quant_conv.bias"],
    ["encoder.down_blocks.10.downsamplers.0.conv.weight", "encoder.down.10.downsample.conv.weight"],
    ["decoder.up_blocks.0.upsamplers.0.conv.bias", "decoder.up.11.upsample.conv.bias"],
    ["decoder.up_blocks.10.upsamplers.0.conv.bias", "decoder.up.1.upsample.conv.bias"],
    ...["encoder", "decoder"].flatMap((coder) => [
      [`${coder}.conv_in.weight`, `${coder}.conv_in.weight`] as const,
      [`${coder}.conv_out.bias`, `${coder}.conv_out.bias`] as const,
      [`${coder}.conv_norm_out.weight`, `${coder}.norm_out.weight`] as const,
      ...Object.entries(LAYERS).flatMap(([from, to]) => [
        [`${coder}.mid_block.resnets.0.${from}.weight`, `${coder}.mid.block_1.${to}.weight`] as const,
        [`${coder}.mid_block.resnets.1.${from}.bias`, `${coder}.mid.block_2.${to}.bias`] as const,
      ]),
      ...Object.entries({ ...ATTENTION, ...OLD }).map(
        ([from, to]) => [`${coder}.mid_block.attentions.0.${from}.weight`, `${coder}.mid.attn_1.${to}.weight`] as const,
      ),
    ]),
    ...Object.entries(LAYERS).flatMap(([from, to]) => [
      [`encoder.down_blocks.3.resnets.12.${from}.bias`, `encoder.down.3.block.12.${to}.bias`] as const,
      [`encoder.down_blocks.11.resnets.0.${from}.weight`, `encoder.down.11.block.0.${to}.weight`] as const,
      [`decoder.up_blocks.3.resnets.12.${from}.bias`, `decoder.up.8.block.12.${to}.bias`] as const,
      [`decoder.up_blocks.11.resnets.0.${from}.weight`, `decoder.up.0.block.0.${to}.weight`] as const,
    ]),
  ]
  const rename = (name: string): string | null => renameBy(vaeRenames(12))(name)

  it("become LDM's, at levels and blocks of any number", () => {
    expect(pairs.map(([from]) => [from, rename(from)])).toEqual(pairs)
  })

  it("are known as whole names alone", () => {
    expect(pairs.map(([from]) => rename(`other.${from}`)).filter((to) => to !== null)).toEqual([])
    expect(pairs.map(([from]) => rename(from.replace(/\.[a-z]+$/, "."))).filter((to) => to !== null)).toEqual([])
    for (const name of [
      "encoder.mid_block.resnets.2.conv1.weight",
      "encoder.mid_block.attentions.1.to_q.weight",
      "encoder.mid_block.attentions.0.to_x.weight",
      "encoder.down_blocks.x.resnets.0.conv1.weight",
      "encoder.down_blocks.0.resnets.0.conv3.weight",
      "encoder.up_blocks.0.upsamplers.0.conv.weight",
      "decoder.up_blocks.0.upsamplers.1.conv.weight",
    ]) {
      expect([name, rename(name)]).toEqual([name, null])
    }
  })

  it("have levels from the decoder's end, however many the file has", async () => {
    const names = (levels: number): string[] =>
      Array.from({ length: levels }, (_, i) => `decoder.up_blocks.${i}.resnets.0.conv1.weight`)
    for (const levels of [1, 3, 4]) {
      expect([...vaeOf(named(...names(levels))).entries.keys()]).toEqual(
        Array.from({ length: levels }, (_, i) => `first_stage_model.decoder.up.${levels - 1 - i}.block.0.conv1.weight`),
      )
    }
  })

  it("have 1×1 convolutions for the attention's linear weights, and what is one already stays", () => {
    const shapes = (from: string, shape: readonly number[]) =>
      [
        ...vaeOf(
          fileOf(
            "v",
            new Map([
              ["decoder.up_blocks.0.resnets.0.conv1.weight", EMPTY],
              [from, { ...EMPTY, shape }],
            ]),
          ),
        ).entries.values(),
      ].map((entry) => entry.shape)
    const place = "decoder.mid_block.attentions.0"
    expect(shapes(`${place}.to_q.weight`, [6, 5])[1]).toEqual([6, 5, 1, 1])
    expect(shapes(`${place}.to_q.weight`, [6, 5, 1, 1])[1]).toEqual([6, 5, 1, 1])
    expect(shapes(`${place}.to_q.bias`, [6])[1]).toEqual([6])
    const isOne = (name: string): boolean => isPointwise(`decoder.mid.attn_1.${name}`)
    expect(["q.weight", "k.weight", "v.weight", "proj_out.weight"].map(isOne)).toEqual([true, true, true, true])
    expect(["q.bias", "norm.weight", "q.weight.x", "x.q.weight"].map(isOne)).toEqual([false, false, false, false])
  })
})

describe("joined parts", () => {
  it.each([
    ["unet", /^broken holds no SDXL U-Net/, /input_blocks\.0\.0\.weight/],
    ["vae", /^broken holds no VAE/, /post_quant_conv\.weight/],
    ["text1", /^broken holds no SDXL text encoders/, /position_embedding/],
    ["text2", /^broken holds no SDXL text encoders/, /positional_embedding/],
  ] as const)("name the file of a broken %s", async (part, message, gone) => {
    const whole = partsOf(fileOf("whole", await checkpoint()))
    const broken = {
      label: "broken",
      entries: new Map([...whole[part].entries].filter(([name]) => !gone.test(name))),
    }
    expect(() => joinedParts({ ...whole, [part]: broken })).toThrow(message)
    expect(() => joinedParts({ ...whole, [part]: undefined } as unknown as SdxlFiles)).toThrow(`SDXL: ${part}`)
    expect(() => partsOf({ ...whole, [part]: null } as unknown as SdxlFiles)).toThrow(`SDXL: ${part}`)
  })

  it("have the tensors of all, and a part of its own file wins nowhere else", async () => {
    const tensors = await checkpoint()
    const whole = fileOf("whole", tensors)
    expect(namesOf(joinedParts(partsOf(whole)))).toEqual([...tensors.keys()].sort())
    const other = fileOf("other", tensors)
    const mixed = partsOf({ unet: whole, vae: other, text1: whole, text2: other })
    expect([mixed.unet.label, mixed.vae.label, mixed.text1.label, mixed.text2.label]).toEqual([
      ...["whole", "other", "whole", "other"],
    ])
    expect(namesOf(mixed.vae).every((name) => name.startsWith("first_stage_model."))).toBe(true)
  })
})

describe("scales beside weights", () => {
  const bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)
  const weights = { dtype: "F32" as const, shape: [3, 2], bytes: bytes(1, 2, 3, 4, 5, 6) }
  const valuesOf = async ({ read, dtype }: WeightEntry): Promise<number[]> => [...toFloat32(await read(), dtype)]

  it("multiply their own weight alone, row by row or all at once", async () => {
    const file = withScales(
      fileOf(
        "f",
        new Map([
          ["a.weight", weights],
          ["a.scale_weight", { dtype: "F32", shape: [3], bytes: bytes(10, 100, 0.5) }],
          ["b.weight", weights],
          ["b.scale_weight", { dtype: "F32", shape: [], bytes: bytes(2) }],
          ["c.weight", weights],
        ]),
      ),
    )
    expect(file.label).toBe("f")
    expect([...file.entries.keys()]).toEqual(["a.weight", "b.weight", "c.weight"])
    const [a, b, c] = [...file.entries.values()] as [WeightEntry, WeightEntry, WeightEntry]
    expect([a, b, c].map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual([
      { name: "a.weight", dtype: "F16", shape: [3, 2] },
      { name: "b.weight", dtype: "F16", shape: [3, 2] },
      { name: "c.weight", dtype: "F32", shape: [3, 2] },
    ])
    expect(await valuesOf(a)).toEqual([10, 20, 300, 400, 2.5, 3])
    expect(await valuesOf(b)).toEqual([2, 4, 6, 8, 10, 12])
    expect(await valuesOf(c)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it("leave a file without them as it is", () => {
    const file = fileOf("f", new Map([["a.weight", weights]]))
    expect(withScales(file)).toBe(file)
  })
})

it("the first pattern that matches renames, with its captures or by its text", () => {
  const rename = renameBy([
    [/^a\.(\d)$/, "first.$1"],
    [/^a\.(.+)$/, (rest = "") => `second.${rest}`],
  ])
  expect(["a.1", "a.10", "b.1"].map(rename)).toEqual(["first.1", "second.10", null])
})
