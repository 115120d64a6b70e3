import { show } from "./errors.ts"
import type { SafetensorsHeader } from "./safetensors/header.ts"

/** What a safetensors file holds, as far as its tensors' names tell. */
export type FileKind =
  | "lllite"
  | "lllite-anima"
  | "lora"
  | "control-lora"
  | "controlnet"
  | "t2i-adapter"
  | "ip-adapter"
  | "sdxl-checkpoint"
  | "sdxl-refiner"
  | "sdxl-unet"
  | "sd1-checkpoint"
  | "sd2-checkpoint"
  | "sd-unet"
  | "transformer-model"
  | "vae"
  | "text-encoder"
  | "textual-inversion"
  | "empty"
  | "unknown"

/** A file's kind with a phrase for people: "a LoRA (kohya names)". */
export interface FileIdentity {
  readonly kind: FileKind
  readonly detail: string
}

interface Rule extends FileIdentity {
  readonly holds: (names: TensorNames) => boolean
}

/**
 * The rules in order: the first that holds wins, so what contains something else (a checkpoint contains a VAE) comes
 * before it.
 */
const RULES: readonly Rule[] = [
  // Anima's adapter is called LLLite too; "lllite" in a name alone therefore says nothing.
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima, another model and another format than SDXL's",
    holds: (names) => names.begin("lllite_dit_", "lllite_conditioning1.", "lllite_modules."),
  },
  {
    kind: "lllite",
    detail: "a ControlNet-LLLite for SDXL",
    holds: (names) => names.begin("lllite_unet_"),
  },
  {
    kind: "control-lora",
    detail: "a Control-LoRA",
    holds: (names) => names.begin("lora_controlnet"),
  },
  {
    kind: "controlnet",
    detail: "a ControlNet (original names)",
    holds: (names) => names.begin("control_model.", "input_hint_block.", "zero_convs."),
  },
  {
    kind: "controlnet",
    detail: "a ControlNet (diffusers names)",
    holds: (names) => names.begin("controlnet_cond_embedding.", "controlnet_down_blocks.", "controlnet_mid_block."),
  },
  {
    kind: "lora",
    detail: "a LoRA (kohya names)",
    holds: (names) => names.begin("lora_unet_", "lora_te_", "lora_te1_", "lora_te2_", "lora_transformer_"),
  },
  {
    kind: "lora",
    detail: "a LoRA (diffusers or PEFT names)",
    holds: (names) =>
      names.contain(".lora_A.", ".lora_B.", ".lora.down.", ".lora.up.", ".lora_down.", ".lora_up.", "_lora."),
  },
  {
    kind: "lora",
    detail: "a LyCORIS adapter",
    holds: (names) => names.contain(".hada_w1_a", ".lokr_w1", ".oft_blocks", ".oft_diag"),
  },
  {
    kind: "ip-adapter",
    detail: "an IP-Adapter",
    holds: (names) => names.begin("ip_adapter.") || (names.begin("image_proj.") && names.contain("to_k_ip")),
  },
  {
    kind: "t2i-adapter",
    detail: "a T2I-Adapter",
    holds: (names) => names.begin("adapter.body.", "adapter.conv_in.", "body.0.block1.", "body.0.in_conv."),
  },
  {
    kind: "sdxl-checkpoint",
    detail: "an SDXL checkpoint",
    holds: (names) => names.begin("model.diffusion_model.") && names.begin("conditioner.embedders.1."),
  },
  {
    kind: "sdxl-refiner",
    detail: "an SDXL refiner checkpoint",
    holds: (names) => names.begin("model.diffusion_model.") && names.begin("conditioner.embedders.0."),
  },
  {
    kind: "sd2-checkpoint",
    detail: "a Stable Diffusion 2 checkpoint",
    holds: (names) => names.begin("model.diffusion_model.") && names.begin("cond_stage_model.model."),
  },
  {
    kind: "sd1-checkpoint",
    detail: "a Stable Diffusion 1 checkpoint",
    holds: (names) => names.begin("model.diffusion_model.") && names.begin("cond_stage_model."),
  },
  {
    kind: "transformer-model",
    detail: "a transformer diffusion model (Flux, SD3, Anima or the like), which has no U-Net",
    holds: (names) =>
      names.contain("double_blocks.0.", "joint_blocks.0.", "single_transformer_blocks.0.") ||
      names.begin("model.diffusion_model.blocks.0.", "net.blocks.0."),
  },
  {
    kind: "sdxl-unet",
    detail: "an SDXL U-Net (original names)",
    holds: (names) => names.begin("model.diffusion_model.label_emb.", "label_emb.0."),
  },
  {
    kind: "sdxl-unet",
    detail: "an SDXL U-Net (diffusers names)",
    holds: (names) => names.begin("add_embedding.linear_1."),
  },
  {
    kind: "sd-unet",
    detail: "a Stable Diffusion U-Net without SDXL's size conditioning",
    holds: (names) =>
      names.begin("model.diffusion_model.input_blocks.", "input_blocks.0.") ||
      (names.begin("down_blocks.") && names.begin("time_embedding.")),
  },
  {
    kind: "vae",
    detail: "a VAE",
    holds: (names) =>
      names.begin("first_stage_model.") ||
      (names.begin("encoder.down.", "encoder.down_blocks.") && names.begin("decoder.up.", "decoder.up_blocks.")),
  },
  {
    kind: "text-encoder",
    detail: "a CLIP text encoder",
    holds: (names) => names.begin("text_model.", "transformer.resblocks.", "transformer.text_model."),
  },
  {
    kind: "textual-inversion",
    detail: "a textual inversion",
    holds: (names) => names.count <= 4 && (names.has("emb_params") || names.has("clip_l") || names.has("clip_g")),
  },
  { kind: "empty", detail: "a safetensors file without tensors", holds: (names) => names.count === 0 },
]

/**
 * Says what a safetensors file is, by its tensors' names alone. No tensor is read, so a wrong file of any size is told
 * apart at once.
 */
export function identify(header: Pick<SafetensorsHeader, "tensors">): FileIdentity {
  const names = tensorNames([...header.tensors.keys()])
  const rule = RULES.find(({ holds }) => holds(names))
  if (rule !== undefined) return { kind: rule.kind, detail: rule.detail }
  const [first] = header.tensors.keys()
  return { kind: "unknown", detail: `an unknown kind of file; its first tensor is ${show(first ?? "")}` }
}

interface TensorNames {
  readonly count: number
  readonly has: (name: string) => boolean
  /** Whether any name begins with any of these. */
  readonly begin: (...prefixes: readonly string[]) => boolean
  /** Whether any name contains any of these. */
  readonly contain: (...parts: readonly string[]) => boolean
}

function tensorNames(names: readonly string[]): TensorNames {
  return {
    count: names.length,
    has: (name) => names.includes(name),
    begin: (...prefixes) => names.some((name) => prefixes.some((prefix) => name.startsWith(prefix))),
    contain: (...parts) => names.some((name) => parts.some((part) => name.includes(part))),
  }
}
