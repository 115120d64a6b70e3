import { readFileSync } from "node:fs"
import { beforeAll, describe, expect, test } from "vitest"

type Entry = { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly number[] }

describe("tiny-sdxl.safetensors", () => {
  let bytes: Uint8Array
  let entries: Map<string, Entry>
  let metadata: Record<string, string>

  beforeAll(() => {
    bytes = readFileSync(new URL("../model/tiny-sdxl.safetensors", import.meta.url))
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
    metadata = header.__metadata__
    entries = new Map(Object.entries<Entry>(header).filter(([name]) => name !== "__metadata__"))
  })

  test("is 20 MiB at most", () => {
    expect(bytes.length).toBeLessThanOrEqual(20 * 2 ** 20)
  })

  test("says that it is an SDXL base model", () => {
    expect(metadata["modelspec.architecture"]).toBe("stable-diffusion-xl-v1-base")
    expect(metadata["modelspec.prediction_type"]).toBe("epsilon")
    expect(metadata["modelspec.resolution"]).toBe("128x128")
  })

  test("holds the four parts under Stability's names, and nothing else", () => {
    const prefixes = new Set([...entries.keys()].map((name) => name.split(".").slice(0, 3).join(".")))
    const parts = [
      /^model\.diffusion_model\.(time_embed|label_emb|input_blocks|middle_block|output_blocks|out)$/,
      /^conditioner\.embedders\.[01]$/,
      /^first_stage_model\.(encoder|decoder)\.(conv_in|down|up|mid|norm_out|conv_out)$/,
      /^first_stage_model\.(post_)?quant_conv\.(weight|bias)$/,
    ]
    for (const prefix of prefixes) expect(parts.some((part) => part.test(prefix))).toBe(true)
    expect(prefixes.size).toBe(6 + 2 + 10 + 4)
  })

  test("has SDXL's structure at the widths that the README states", () => {
    const unet = (name: string): readonly number[] | undefined => entries.get(`model.diffusion_model.${name}`)?.shape
    expect(unet("input_blocks.0.0.weight")).toEqual([64, 4, 3, 3])
    expect(unet("input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight")).toEqual([64, 40])
    expect(unet("middle_block.1.transformer_blocks.0.attn1.to_q.weight")).toEqual([128, 128])
    expect(unet("output_blocks.5.2.conv.weight")).toEqual([64, 64, 3, 3])
    expect(unet("label_emb.0.0.weight")).toEqual([256, 16 + 1536])
    const embedders = "conditioner.embedders."
    expect(entries.get(`${embedders}0.transformer.text_model.embeddings.token_embedding.weight`)?.shape).toEqual([
      49408, 24,
    ])
    expect(entries.get(`${embedders}1.model.text_projection`)?.shape).toEqual([16, 16])
    expect(entries.get("first_stage_model.decoder.conv_out.weight")?.shape).toEqual([3, 32, 3, 3])
  })

  test("is float16 throughout, with every value finite", () => {
    const start = bytes.length - Math.max(...[...entries.values()].map((entry) => entry.data_offsets[1] ?? 0))
    for (const [name, { dtype, data_offsets: offsets }] of entries) {
      if (name.endsWith("position_ids")) continue
      expect(dtype).toBe("F16")
      const [from = 0, to = 0] = offsets
      // A half whose five exponent bits are all set is infinite or not a number.
      let broken = 0
      for (let at = start + from + 1; at < start + to; at += 2) if (((bytes[at] ?? 0) & 0x7c) === 0x7c) broken++
      expect({ name, broken }).toEqual({ name, broken: 0 })
    }
  })
})

describe("lllite-canny.safetensors", () => {
  const bytes = readFileSync(new URL("../model/lllite-canny.safetensors", import.meta.url))
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const {
    __metadata__: metadata,
    ...entries
  }: Record<string, Record<string, unknown>> = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))

  test("is an LLLite for attention and feed-forward layers of this U-Net's upper depth", () => {
    const sites = new Set(Object.keys(entries).map((name) => name.split(".")[0]))
    expect(sites.size).toBe(40)
    for (const site of sites) {
      expect(site).toMatch(/^lllite_unet_(input_blocks_[45]|output_blocks_[345])_1_transformer_blocks_0_(attn|ff)/)
    }
    expect(entries["lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.down.0.weight"]?.shape).toEqual([
      64, 64,
    ])
  })

  test("says what it is for", () => {
    expect(metadata?.["modelspec.architecture"]).toBe("stable-diffusion-xl-v1-base/control-net-lllite")
    expect(metadata?.["modelspec.preprocessor"]).toBe("canny")
    expect(metadata?.["modelspec.resolution"]).toBe("128x128")
  })
})
