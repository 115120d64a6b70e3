import { describe, expect, it } from "vitest"
import { GOLDEN_HEADERS } from "../../test/golden-headers.ts"
import { describeWithReference, referenceBytes, referenceJson } from "../../test/reference.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import { openSafetensors } from "../safetensors/read.ts"
import { identify } from "./identify.ts"
import type { FileKind } from "./kind-rules.ts"

function header(tensors: Readonly<Record<string, readonly number[]>>): { tensors: ReadonlyMap<string, TensorInfo> } {
  const infos = Object.entries(tensors).map(([name, shape]) => ({
    name,
    dtype: "F16" as const,
    shape,
    start: 0,
    end: 0,
  }))
  return { tensors: new Map(infos.map((info) => [info.name, info])) }
}

const named = (...names: readonly string[]): { tensors: ReadonlyMap<string, TensorInfo> } =>
  header(Object.fromEntries(names.map((name) => [name, [0]])))

describe("identify", () => {
  it.each(GOLDEN_HEADERS.map((golden) => [golden.family, golden] as const))("knows %s", (_, golden) => {
    const { kind, base, detail } = identify(header(golden.tensors))
    expect({ kind, base }).toEqual({ kind: golden.kind, base: golden.base })
    expect(detail).toMatch(golden.says)
  })

  it("does not depend on the order of names", () => {
    for (const { tensors } of GOLDEN_HEADERS) {
      const backwards = Object.fromEntries(Object.entries(tensors).toReversed())
      // An unknown file is shown by its first name.
      if (identify(header(tensors)).kind === "unknown") continue
      expect(identify(header(backwards))).toEqual(identify(header(tensors)))
    }
  })

  it("shows the first name of an unknown file", () => {
    expect(identify(named("a\nb", "c")).detail).toBe('an unknown kind of file; its first tensor is "a\\nb"')
  })

  it("says how the weights of an unknown file are quantised", () => {
    const block = "transformer_blocks.0.qkv_proj"
    expect(identify(named(`${block}.qweight`, `${block}.wscales`))).toMatchObject({
      kind: "unknown",
      detail: expect.stringMatching(/quantised by SVDQuant, which is not supported\. Give a checkpoint in fp8/),
    })
    expect(identify(named(`${block}.qweight`)).detail).toMatch(/quantised by GPTQ/)
  })

  it.each([
    ["sd1", { "<cat>": [768] }],
    ["sd2", { "<cat>": [3, 1024] }],
    [null, { "<cat>": [1, 1280] }],
  ] as const)("takes one tensor as wide as a text encoder for an embedding of diffusers: %s", (base, tensors) => {
    expect(identify(header(tensors))).toMatchObject({ kind: "textual-inversion", base })
  })

  it.each([
    { "<cat>": [1, 1, 768] },
    { "<cat>": [768, 1] },
    { "<cat>": [] },
    { "<cat>": [1, 512] },
    { "<cat>": [1, 768], "<dog>": [1, 768] },
  ])("takes no other tensors for one: %j", (tensors) => {
    expect(identify(header(tensors))).toMatchObject({ kind: "unknown", base: null })
  })

  it("knows the base of a ControlNet without attention by the sizes that it reads", () => {
    const block = { "controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3] }
    const sized = (width: number) => header({ ...block, "add_embedding.linear_1.weight": [1280, width] })
    expect(identify(sized(2816))).toMatchObject({ kind: "controlnet", base: "sdxl" })
    expect(identify(sized(2560))).toMatchObject({ kind: "controlnet", base: null })
    expect(identify(header(block))).toMatchObject({ kind: "controlnet", base: null })
  })

  it("does not take an LLLite for another base model for one for SDXL", () => {
    const key = (block: string) => `lllite_unet_input_blocks_${block}_transformer_blocks_0_attn1_to_q.down.0.weight`
    expect(identify(named(key("4_1")))).toMatchObject({ kind: "lllite", base: "sdxl" })
    expect(identify(named(key("1_1"), key("4_1")))).toMatchObject({ kind: "lllite", base: null })
  })

  it("finds what decides anywhere among very many names", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => [`other.${i}.weight`, [1]] as const)
    const names = {
      ...Object.fromEntries(many.slice(0, 10_000)),
      "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": [640, 2048],
      ...Object.fromEntries(many.slice(10_000)),
      "time_embedding.linear_1.weight": [1280, 320],
    }
    expect(identify(header(names))).toMatchObject({ kind: "sd-unet", base: "sdxl" })
  })

  it("is not misled by similar names", () => {
    for (const name of ["my_lllite_unet_", "xlora_unet_a.weight", "LLLITE_UNET_a.down.0.weight", "control_model"]) {
      expect(identify(named(name, "other")).kind).toBe("unknown")
    }
  })
})

describeWithReference(
  "identify on real names",
  ["sdxl-checkpoint-keys.json", "files/lllite-tiny-f32.safetensors", "unet.safetensors"],
  () => {
    it("recognises an SDXL checkpoint, its U-Net and its VAE", () => {
      const names = Object.keys(referenceJson<Record<string, unknown>>("sdxl-checkpoint-keys.json"))
      const part = (prefix: string): FileKind =>
        identify(named(...names.filter((name) => name.startsWith(prefix)))).kind
      expect(part("")).toBe("sdxl-checkpoint")
      expect(part("model.diffusion_model.")).toBe("sdxl-unet")
      expect(part("first_stage_model.")).toBe("vae")
    })

    it("recognises an LLLite, and does not mistake a file of test numbers for one", async () => {
      const lllite = await openSafetensors(referenceBytes("files/lllite-tiny-f32.safetensors"))
      expect(identify(lllite).kind).toBe("lllite")
      expect(identify(await openSafetensors(referenceBytes("unet.safetensors"))).kind).toBe("unknown")
    })
  },
)
