import { createHash } from "node:crypto"
import { toFloat32 } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { type LayoutTensors, toDiffusers } from "../../../test/diffusers-layout.ts"
import { checkpoint, fileOf } from "../../../test/small-checkpoint.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { runAs } from "../run-as.ts"
import type { SdxlFiles } from "./parts.ts"
import { joinedParts, partsOf, text1Of, unetOf, vaeOf } from "./parts.ts"

/** Tensors with a hash of their values, which is faster to compare. */
type Contents = Map<string, string>

const described = (dtype: string, shape: readonly number[], bytes: Uint8Array): string =>
  `${dtype} [${shape.join(", ")}] ${createHash("sha256").update(bytes).digest("hex")}`

async function contents(parts: SdxlFiles): Promise<Contents> {
  const found: Contents = new Map()
  for (const { entries } of [parts.unet, parts.vae, parts.text1, parts.text2]) {
    for (const [name, { dtype, shape, read }] of entries) found.set(name, described(dtype, shape, await read()))
  }
  return found
}

function contentsOf(tensors: LayoutTensors): Contents {
  return new Map([...tensors].map(([name, { dtype, shape, bytes }]) => [name, described(dtype, shape, bytes)]))
}

it("names the file of a part that is not whole, also where all parts are joined", async () => {
  const whole = fileOf("whole", await checkpoint())
  const vae = fileOf("half a VAE", new Map([...(await checkpoint())].filter(([name]) => !name.includes(".encoder."))))
  expect(joinedParts(partsOf(whole)).label).toBe("whole")
  expect(() => joinedParts(partsOf({ unet: whole, vae, text1: whole, text2: whole }))).toThrow(
    /^half a VAE holds no VAE: "first_stage_model\.encoder…" is missing/,
  )
})

describe("partsOf", () => {
  it("takes a checkpoint apart", async () => {
    const tensors = await checkpoint()
    const parts = partsOf(fileOf("all", tensors))
    expect(await contents(parts)).toEqual(contentsOf(tensors))
    expect([...parts.vae.entries.keys()].every((name) => name.startsWith("first_stage_model."))).toBe(true)
  })

  it("reads diffusers' and transformers' names, value by value", async () => {
    const tensors = await checkpoint()
    const { unet, vae, text_encoder: text1, text_encoder_2: text2 } = toDiffusers(tensors)
    expect(unet.size + vae.size).toBeGreaterThan(500)
    expect([...unet.keys()].filter((name) => /blocks\.\d+\.\d+|layers\.\d/.test(name))).toEqual([])
    const files = {
      unet: fileOf("unet", unet),
      vae: fileOf("vae", vae),
      text1: fileOf("text_encoder", text1),
      text2: fileOf("text_encoder_2", text2),
    }
    expect(await contents(partsOf(files))).toEqual(contentsOf(tensors))
    const newer = new Map([...text1].map(([name, tensor]) => [name.replace(/^text_model\./, ""), tensor]))
    expect(await contents(partsOf({ ...files, text1: fileOf("text_encoder", newer) }))).toEqual(contentsOf(tensors))
  })

  it("multiplies weights by the scales beside them, and leaves out what describes packing", async () => {
    const tensors = await checkpoint()
    const [plain, rows] = ["input_blocks.4.1.proj_in", "input_blocks.4.1.proj_out"].map(
      (n) => `model.diffusion_model.${n}`,
    )
    const [first, second] = [tensors.get(`${plain}.weight`), tensors.get(`${rows}.weight`)]
    if (first === undefined || second === undefined) throw new Error("the checkpoint has no such weights")
    const numbers = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)
    const count = first.shape[0] ?? 0
    const scaled = new Map(tensors)
    // 1, 1.5 and -2 of F8_E4M3, over and over.
    const fp8 = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => [0x38, 0x3c, 0xc0][i % 3] ?? 0)
    const perRow = Array.from({ length: count }, (_, row) => row + 1)
    scaled.set(`${plain}.weight`, { ...first, dtype: "F8_E4M3", bytes: fp8(count * count) })
    scaled.set(`${plain}.scale_weight`, { dtype: "F32", shape: [1], bytes: numbers(0.5) })
    scaled.set(`${rows}.weight`, { ...second, dtype: "F8_E4M3", bytes: fp8(count * count) })
    scaled.set(`${rows}.weight_scale`, { dtype: "F32", shape: [count, 1], bytes: numbers(...perRow) })
    scaled.set("model.diffusion_model.scaled_fp8", { dtype: "F8_E4M3", shape: [2], bytes: new Uint8Array(2) })
    const { unet } = partsOf(fileOf("all", scaled))
    const values = async (name: string): Promise<Float32Array> => {
      const { dtype, read } = unet.entries.get(name) as WeightEntry
      expect(dtype).toBe("F16")
      return toFloat32(await read(), dtype)
    }
    expect((await values(`${plain}.weight`)).slice(0, 4)).toEqual(Float32Array.of(0.5, 0.75, -1, 0.5))
    const found = await values(`${rows}.weight`)
    expect([...found]).toEqual(Array.from(found, (_, i) => ([1, 1.5, -2][i % 3] ?? 0) * (Math.floor(i / count) + 1)))
    expect([...unet.entries.keys()].filter((name) => name.includes("scale"))).toEqual([])
    expect(unet.entries.size).toBe(partsOf(fileOf("all", tensors)).unet.entries.size)
  })

  it("refuses a checkpoint that cannot be run by its kind, and says what one without a VAE needs", async () => {
    const tensors = await checkpoint()
    const wide = new Map(tensors)
    const name = "model.diffusion_model.input_blocks.0.0.weight"
    wide.set(name, { dtype: "F32", shape: [4, 8, 3, 3], bytes: new Uint8Array(4 * 4 * 8 * 9) })
    expect(() => partsOf(fileOf("all", wide))).toThrow(
      /^all cannot be run: it is a checkpoint for editing by instructions/,
    )
    expect(() => partsOf(fileOf("all", wide))).toThrow(expect.objectContaining({ code: "checkpoint-unsupported" }))
    const blind = new Map([...tensors].filter(([name]) => !name.startsWith("first_stage_model.")))
    expect(() => partsOf(fileOf("all", blind))).toThrow(expect.objectContaining({ code: "checkpoint-no-vae" }))
    expect(partsOf({ ...partsOf(fileOf("all", tensors)), unet: fileOf("blind", blind) }).unet.label).toBe("blind")
  })

  it("keeps what a file says of itself with its U-Net", async () => {
    const marked = new Map([
      ...(await checkpoint()),
      ["v_pred", { dtype: "F32" as const, shape: [0], bytes: new Uint8Array() }],
    ])
    const parts = partsOf(fileOf("all", marked))
    expect(parts.unet.traits).toMatchObject({ prediction: "v" })
    expect(partsOf(parts).unet.traits).toMatchObject({ prediction: "v" })
    expect(runAs(parts.unet)).toMatchObject({ prediction: "v", zeroTerminalSnr: false })
    expect(runAs(parts.unet).notices).toEqual([
      expect.stringMatching(/^"all": It predicts velocity .* the tensor "v_pred" says/),
    ])
    expect(runAs(parts.unet, "v").notices).toEqual([])
    expect(runAs(parts.unet, "epsilon")).toMatchObject({
      prediction: "epsilon",
      notices: [expect.stringMatching(/It is run as one that predicts noise \(epsilon\), as asked/)],
    })
  })

  it("reads files of one part without the checkpoint's prefix", async () => {
    const tensors = await checkpoint()
    const without = (prefix: string): LayoutTensors =>
      new Map(
        [...tensors].flatMap(([name, tensor]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
        ),
      )
    const names = (prefix: string): string[] => [...tensors.keys()].filter((name) => name.startsWith(prefix)).sort()
    const [unet, vae] = ["model.diffusion_model.", "first_stage_model."] as const
    expect([...unetOf(fileOf("u", without(unet))).entries.keys()].sort()).toEqual(names(unet))
    expect([...vaeOf(fileOf("v", without(vae))).entries.keys()].sort()).toEqual(names(vae))
  })

  it("reads the names of attention in VAEs from before diffusers 0.13", async () => {
    const { vae } = toDiffusers(await checkpoint())
    const old = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" }
    const renamed = new Map(
      [...vae].map(([name, tensor]) => [
        name.replace(/to_[qkv]|to_out\.0/, (now) => old[now as keyof typeof old]),
        tensor,
      ]),
    )
    expect(renamed.has("decoder.mid_block.attentions.0.proj_attn.bias")).toBe(true)
    expect([...vaeOf(fileOf("old", renamed)).entries.keys()]).toEqual([...vaeOf(fileOf("new", vae)).entries.keys()])
  })

  it("names the tensors that are expected, and the file's first one", () => {
    const lora = fileOf(
      "a.safetensors",
      new Map([["lora_te.down", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]]),
    )
    expect(() => unetOf(lora)).toThrow(
      'a.safetensors holds no U-Net: expected tensors named "model.diffusion_model.…", "input_blocks.…" or diffusers\' ' +
        '"down_blocks.…", and its first tensor is "lora_te.down".',
    )
    expect(() => vaeOf(lora)).toThrow("a.safetensors holds no VAE")
    expect(() => text1Of(fileOf("b", new Map()))).toThrow(/b holds no first text encoder: .* it is empty/)
  })
})
