import { describe, expect, it } from "vitest"
import { describeWithReference, referenceBytes, referenceJson } from "../test/reference.ts"
import type { FileKind } from "./identify.ts"
import { identify } from "./identify.ts"
import type { TensorInfo } from "./safetensors/header.ts"
import { openSafetensors } from "./safetensors/read.ts"

function named(...names: string[]): { tensors: ReadonlyMap<string, TensorInfo> } {
  return { tensors: new Map(names.map((name) => [name, { name, dtype: "F16", shape: [0], start: 0, end: 0 }])) }
}

const unet = "model.diffusion_model.input_blocks.0.0.weight"
const vae = "first_stage_model.decoder.conv_in.weight"

const cases: [FileKind, string, string[]][] = [
  ["lllite", "an SDXL LLLite", ["lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.conditioning1.0.bias"]],
  [
    "lllite-anima",
    "an Anima LLLite",
    ["lllite_conditioning1.conv_in.weight", "lllite_dit_blocks_0_self_attn_q_proj.down.weight"],
  ],
  ["lllite-anima", "an early Anima LLLite", ["lllite_modules.0.down.weight"]],
  [
    "lora",
    "a kohya LoRA",
    ["lora_unet_down_blocks_1_attentions_0_proj_in.lora_down.weight", "lora_te1_text_model.alpha"],
  ],
  ["lora", "a PEFT LoRA", ["base_model.model.unet.down_blocks.1.attentions.0.to_q.lora_A.weight"]],
  ["lora", "a diffusers LoRA", ["unet.down_blocks.1.attentions.0.processor.to_q_lora.down.weight"]],
  ["lora", "a LyCORIS LoHa", ["diffusion_model.input_blocks.4.1.proj_in.hada_w1_a"]],
  ["control-lora", "a Control-LoRA", ["lora_controlnet", "input_blocks.0.0.weight", "label_emb.0.0.weight"]],
  ["controlnet", "a ControlNet", ["control_model.input_blocks.0.0.weight", "control_model.zero_convs.0.0.weight"]],
  ["controlnet", "a bare ControlNet", ["input_hint_block.0.weight", "zero_convs.0.0.weight", "label_emb.0.0.weight"]],
  [
    "controlnet",
    "a diffusers ControlNet",
    ["controlnet_cond_embedding.conv_in.weight", "add_embedding.linear_1.weight"],
  ],
  ["ip-adapter", "an IP-Adapter", ["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"]],
  ["t2i-adapter", "a T2I-Adapter", ["adapter.body.0.resnets.0.block1.weight"]],
  [
    "sdxl-checkpoint",
    "an SDXL checkpoint",
    [unet, "conditioner.embedders.0.transformer.x", "conditioner.embedders.1.model.x", vae],
  ],
  ["sdxl-refiner", "an SDXL refiner", [unet, "conditioner.embedders.0.model.ln_final.weight", vae]],
  ["sd2-checkpoint", "an SD 2 checkpoint", [unet, "cond_stage_model.model.ln_final.weight", vae]],
  ["sd1-checkpoint", "an SD 1 checkpoint", [unet, "cond_stage_model.transformer.text_model.x", vae]],
  ["transformer-model", "Flux", ["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"]],
  ["transformer-model", "SD 3", ["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", vae]],
  ["sdxl-unet", "a bare SDXL U-Net", [unet, "model.diffusion_model.label_emb.0.0.weight"]],
  [
    "sdxl-unet",
    "a diffusers SDXL U-Net",
    ["down_blocks.0.resnets.0.conv1.weight", "time_embedding.linear_1.weight", "add_embedding.linear_1.weight"],
  ],
  ["sd-unet", "a diffusers SD U-Net", ["down_blocks.0.resnets.0.conv1.weight", "time_embedding.linear_1.weight"]],
  ["vae", "a VAE out of a checkpoint", [vae]],
  [
    "vae",
    "a diffusers VAE",
    ["encoder.down_blocks.0.resnets.0.conv1.weight", "decoder.up_blocks.0.resnets.0.conv1.weight"],
  ],
  ["vae", "an original VAE", ["encoder.down.0.block.0.conv1.weight", "decoder.up.0.block.0.conv1.weight"]],
  ["text-encoder", "CLIP-L", ["text_model.embeddings.token_embedding.weight"]],
  ["textual-inversion", "an SD embedding", ["emb_params"]],
  ["textual-inversion", "an SDXL embedding", ["clip_l", "clip_g"]],
  ["empty", "nothing", []],
  ["unknown", "anything else", ["weight"]],
]

describe("identify", () => {
  it.each(cases)("says %s for %s", (kind, _, names) => {
    expect(identify(named(...names)).kind).toBe(kind)
  })

  it("does not depend on the order of names", () => {
    for (const [kind, , names] of cases) expect(identify(named(...names.toReversed())).kind).toBe(kind)
  })

  it("shows the first name of what it does not know", () => {
    expect(identify(named("a\nb", "c")).detail).toBe('an unknown kind of file; its first tensor is "a\\nb"')
  })
})

describeWithReference("identify on real names", () => {
  it("knows an SDXL checkpoint, its U-Net and its VAE", () => {
    const names = Object.keys(referenceJson<Record<string, unknown>>("sdxl-checkpoint-keys.json"))
    const part = (prefix: string): FileKind => identify(named(...names.filter((name) => name.startsWith(prefix)))).kind
    expect(part("")).toBe("sdxl-checkpoint")
    expect(part("model.diffusion_model.")).toBe("sdxl-unet")
    expect(part("first_stage_model.")).toBe("vae")
  })

  it("knows an LLLite, and does not take a file of test numbers for one", async () => {
    const lllite = await openSafetensors(referenceBytes("files/lllite-tiny-f32.safetensors"))
    expect(identify(lllite).kind).toBe("lllite")
    expect(identify(await openSafetensors(referenceBytes("unet.safetensors"))).kind).toBe("unknown")
  })
})
