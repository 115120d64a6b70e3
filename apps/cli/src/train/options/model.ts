import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, file, flag, ignored, integer, refused, text } from "@lllite/runtime-node/options"
import { MODEL_OPTIONS } from "../../model/runtime-options.ts"

const ONE_TENSOR_AT_A_TIME = "weights are always read one tensor at a time"

/** The checkpoint, and the LLLite that is trained for it. */
export const MODEL = {
  pretrained_model_name_or_path: text({
    required: 'an SDXL checkpoint, or "tiny" for the embedded one',
    valueName: "path",
    help: "SDXL checkpoint (.safetensors), a diffusers folder, or tiny for the embedded model.",
  }),
  ...MODEL_OPTIONS,
  v_parameterization: flag({ help: "The checkpoint predicts v instead of noise." }),
  network_weights: file({ help: "LLLite to continue from. Its widths are kept." }),
  network_dim: integer({ default: 64, min: 1, max: 65536, help: "Width of the adapters' inner layer." }),
  cond_emb_dim: integer({
    default: 32,
    min: 2,
    max: 65536,
    multipleOf: 2,
    help: "Width of the control's embedding.",
  }),
  conditioner_init: choice(["default", "normalised"], {
    default: "default",
    help: "How the control's embedding begins: as in sd-scripts, or normalised over the data set's controls. Normalised ones take effect sooner.",
  }),
  v2: refused("only SDXL can be trained for"),
  tokenizer_cache_dir: ignored("the tokenizer is a part of this program"),
  clip_skip: ignored("SDXL always uses the last layer but one of its text encoders", { nothing: [0, 2] }),
  max_token_length: refused("captions have 75 tokens here", {
    nothing: [0, 75],
    instead: "Leave it out. Longer captions are cut.",
  }),
  no_half_vae: ignored("the VAE computes in float32"),
  disable_mmap_load_safetensors: ignored(ONE_TENSOR_AT_A_TIME),
  lowram: ignored(ONE_TENSOR_AT_A_TIME),
  highvram: ignored(ONE_TENSOR_AT_A_TIME),
  network_dropout: refused("adapters have no dropout here", { nothing: [0] }),
  network_args: refused("an LLLite has no further options here"),
} satisfies OptionTable
