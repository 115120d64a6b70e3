import { expect, it } from "vitest"
import { controlFileKind } from "./control-file.ts"

const named = (...names: readonly string[]) => ({
  label: "file",
  tensors: new Map(names.map((name) => [name, { name, dtype: "F16" as const, shape: [1], start: 0, end: 0 }])),
})

it("tells an LLLite and a ControlNet for SDXL apart", () => {
  expect(controlFileKind(named("lllite_unet_a.down.0.weight"))).toBe("lllite")
  expect(controlFileKind(named("controlnet_mid_block.weight", "add_embedding.linear_1.weight"))).toBe("controlnet")
  expect(controlFileKind(named("control_model.zero_convs.0.0.weight", "control_model.label_emb.0.0.weight"))).toBe(
    "controlnet",
  )
})

it.each([
  ["ip_adapter.1.to_k_ip.weight", "this is an IP-Adapter"],
  ["adapter.conv_in.weight", "this is a T2I-Adapter"],
  ["lora_controlnet", "this is a Control-LoRA"],
  ["lllite_dit_a.weight", "this is a ControlNet-LLLite for Anima"],
  ["first_stage_model.a", "this is a VAE"],
])("refuses %s by name", (name, message) => {
  expect(() => controlFileKind(named(name))).toThrow(message)
})
