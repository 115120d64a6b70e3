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
