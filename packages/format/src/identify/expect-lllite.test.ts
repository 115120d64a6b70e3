import { describe, expect, it } from "vitest"
import { smallLllite, zeros } from "../../test/lllite-file.ts"
import { openSafetensors } from "../safetensors/read.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { expectLllite } from "./expect-lllite.ts"

describe("expectLllite", () => {
  it("lets an LLLite pass", async () => {
    const file = await openSafetensors(await smallLllite())
    expect(() => expectLllite(file)).not.toThrow()
  })

  it.each([
    ["lora_unet_down_blocks_0.lora_down.weight", /this is a LoRA \(kohya names\)\. Give an LLLite/],
    ["lllite_dit_blocks_0_self_attn_q_proj.down.0.weight", /LLLite for Anima.* It runs with Anima only/],
    ["controlnet_cond_embedding.conv_in.weight", /ControlNet \(diffusers names\).* find an LLLite/],
    ["other", /an unknown kind of file; its first tensor is "other"/],
  ])("refuses a file whose tensors are named like %s", async (name, message) => {
    const file = await openSafetensors(serializeSafetensors(new Map([[name, zeros(1)]])))
    expect(() => expectLllite(file)).toThrow(
      expect.objectContaining({ code: "wrong-kind", source: "bytes", message: expect.stringMatching(message) }),
    )
  })
})
