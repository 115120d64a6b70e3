import { ADAPTER_RANGES, OBJECTIVE_RANGES } from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, file, flag, ignored, integer, number, refused, text } from "@lllite/runtime-node/options"
import { MODEL_OPTIONS } from "../../model/runtime-options.ts"
import { SITES } from "./sites.ts"

const ONE_TENSOR_AT_A_TIME = "weights are always read one tensor at a time"

/** The checkpoint, and the LLLite to train for it. */
export const MODEL = {
  pretrained_model_name_or_path: text({
    required: 'an SDXL checkpoint, or "tiny" for the embedded model',
    valueName: "path",
    help: "SDXL checkpoint (.safetensors), its address or owner/name[:file] on the Hugging Face Hub, or a diffusers folder. The embedded model is tiny.",
  }),
  ...MODEL_OPTIONS,
  v_parameterization: flag({
    help: "The checkpoint predicts v instead of noise. Without it, the checkpoint is run as its file says.",
  }),
  compat: choice(["sd-scripts"], {
    help: "Program that is followed where it is at odds with the model: sd-scripts projects pooled text of a checkpoint in one file the other way round, and has mistakes in captions.",
  }),
  network_weights: file({ help: "LLLite to continue from. Its widths are kept." }),
  network_dim: integer({ default: 64, ...ADAPTER_RANGES.mlpDim, help: "Width of the adapters' inner layer." }),
  cond_emb_dim: integer({
    default: 32,
    ...ADAPTER_RANGES.condDim,
    multipleOf: 2,
    help: "Width of the control's embedding.",
  }),
  ...SITES,
  conditioner: choice(["own", "shared"], {
    default: "own",
    help: "Convolutions that embed the control: own for each site, as in sd-scripts, or shared by all sites of a depth. Other programs load a shared one after lllite convert --plain.",
  }),
  lllite_cond_in_channels: integer({
    default: 3,
    min: 3,
    max: 4,
    help: "Channels of controls. With 4, the LLLite learns inpainting: each step hides a part of the control, and the fourth channel says where. Controls are then the pictures themselves. Other programs do not load it.",
  }),
  lllite_inpaint_masked_input: ignored("the hole of a control is always hidden"),
  lllite_cond_input: choice(["pixel", "latent"], {
    default: "pixel",
    help: "What the LLLite reads of a control: its pixels, as in sd-scripts, or latents, which the checkpoint's VAE makes of it. Other programs do not load one of latents.",
  }),
  conditioner_init: choice(["default", "normalised"], {
    default: "default",
    help: "Initial values of the control's embedding: default is as in sd-scripts, normalised is scaled to the controls of the data set. normalised takes effect sooner.",
  }),
  v2: refused("SDXL is the only model of this command"),
  tokenizer_cache_dir: ignored("this program contains the tokenizer"),
  clip_skip: ignored("SDXL always uses the layer before the last of each text encoder", { nothing: [2] }),
  max_token_length: integer({
    default: 75,
    min: 75,
    max: 225,
    help: "Tokens that are read of a caption: 75, 150 or 225. Longer captions are cut, and a note says so.",
  }),
  no_half_vae: ignored("the VAE computes in float32"),
  disable_mmap_load_safetensors: ignored(ONE_TENSOR_AT_A_TIME),
  lowram: ignored(ONE_TENSOR_AT_A_TIME),
  highvram: ignored(ONE_TENSOR_AT_A_TIME),
  network_dropout: number({
    ...OBJECTIVE_RANGES.dropout,
    nothing: [0],
    help: "Share of numbers inside each adapter that a step leaves out. sd-scripts does so only with gradient_checkpointing.",
  }),
} satisfies OptionTable
