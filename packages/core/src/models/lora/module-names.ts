/** A tensor's role in its module, in the names of kohya's LoRAs and of LyCORIS. */
export type LoraTensorName = (typeof LORA_TENSORS)[number]

export const LORA_TENSORS = [
  "lora_down",
  "lora_up",
  "lora_mid",
  "alpha",
  "dora_scale",
  "hada_w1_a",
  "hada_w1_b",
  "hada_w2_a",
  "hada_w2_b",
  "hada_t1",
  "hada_t2",
  "lokr_w1",
  "lokr_w1_a",
  "lokr_w1_b",
  "lokr_w2",
  "lokr_w2_a",
  "lokr_w2_b",
  "lokr_t2",
  "diff",
] as const

/** A tensor's name as the module in kohya's names, and its role there. */
export interface LoraTensorPlace {
  readonly module: string
  readonly tensor: LoraTensorName
}

/** Endings of other layouts, with the role that they mean. PEFT's come first, then those of older diffusers. */
const ENDINGS: readonly (readonly [ending: RegExp, tensor: LoraTensorName])[] = [
  [/\.lora_A(\.default)?\.weight$/, "lora_down"],
  [/\.lora_B(\.default)?\.weight$/, "lora_up"],
  [/\.lora_magnitude_vector(\.default)?(\.weight)?$/, "dora_scale"],
  [/(\.lora|\.lora_linear_layer|_lora)\.down\.weight$/, "lora_down"],
  [/(\.lora|\.lora_linear_layer|_lora)\.up\.weight$/, "lora_up"],
]

/** Beginnings of other layouts, with kohya's. The first that fits decides. */
const BEGINNINGS: readonly (readonly [beginning: string, kohya: string])[] = [
  ["model.diffusion_model.", "lora_unet_"],
  ["diffusion_model.", "lora_unet_"],
  ["unet.", "lora_unet_"],
  ["text_encoder_2.text_model.", "lora_te2_text_model_"],
  ["text_encoder.text_model.", "lora_te1_text_model_"],
  ["text_encoder_2.", "lora_te2_text_model_"],
  ["text_encoder.", "lora_te1_text_model_"],
]

/** Layers in attention processors of older diffusers, with their names in the model. */
const TEXT_PROJECTIONS = { to_q: "q_proj", to_k: "k_proj", to_v: "v_proj", to_out: "out_proj" } as const

/**
 * The place of a LoRA's tensor, from its name in the layouts of kohya, LyCORIS, PEFT, ComfyUI and diffusers. Null for a
 * name of none of them.
 */
export function loraTensorPlace(name: string): LoraTensorPlace | null {
  const found = splitEnding(name.replace(/^base_model\.model\./, ""))
  if (found === null) return null
  const { module, tensor } = found
  if (module.startsWith("lora_")) return { module: module.replaceAll(".", "_"), tensor }
  const [beginning, kohya] = BEGINNINGS.find(([start]) => module.startsWith(start)) ?? ["", "lora_unet_"]
  const path = inModel(module.slice(beginning.length), kohya !== "lora_unet_")
  return { module: kohya + path.replaceAll(".", "_"), tensor }
}

function splitEnding(name: string): LoraTensorPlace | null {
  for (const tensor of LORA_TENSORS) {
    for (const ending of [`.${tensor}.weight`, `.${tensor}`]) {
      if (name.endsWith(ending)) return { module: name.slice(0, -ending.length), tensor }
    }
  }
  for (const [ending, tensor] of ENDINGS) {
    const match = ending.exec(name)
    if (match !== null) return { module: name.slice(0, match.index), tensor }
  }
  return null
}

/** A path with the names of layers where older diffusers names attention processors. */
function inModel(path: string, isText: boolean): string {
  const name = path.replace(".processor.", ".")
  if (!isText) return name.replace(/\.to_out$/, ".to_out.0")
  return name.replace(
    /\.(to_q|to_k|to_v|to_out)$/,
    (_, layer: keyof typeof TEXT_PROJECTIONS) => `.${TEXT_PROJECTIONS[layer]}`,
  )
}
