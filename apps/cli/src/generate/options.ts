import {
  EMBEDDING_NORMALIZATIONS,
  GENERATE_DEFAULTS,
  GENERATE_RANGES,
  PROMPT_DEFAULTS,
  PROMPT_RANGES,
  PROMPT_SYNTAXES,
  REGION_CODES,
  SIDE_MULTIPLE,
} from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import {
  belongsTo,
  choice,
  file,
  flag,
  folder,
  ignored,
  integer,
  number,
  numbers,
  refused,
  seed,
  text,
  texts,
} from "@lllite/runtime-node/options"
import { MODEL_OPTIONS, RUNTIME_OPTIONS } from "../model/runtime-options.ts"
import { GUIDE_OPTIONS } from "./guides.ts"
import { NOISE_OPTIONS } from "./noise-options.ts"
import { SAMPLING_OPTIONS } from "./sampling-options.ts"
import { SOURCE_OPTIONS } from "./source/options.ts"
import { SPEED_OPTIONS } from "./speed-options.ts"
import { STAGE_OPTIONS } from "./stage-options.ts"
import { COMPATS, STEERING_OPTIONS } from "./steering-options.ts"

const ATTENTION = "attention has one implementation here"
const FROM_LINES = "prompts come from the command line or a text file"
const USE_FILE = { instead: "Leave it out, and write the prompts into a text file for from_file." }
const OTHER_MODEL = "SDXL is the only model of this command"
const SIZE = { min: 1, max: 65_536 }
const CROP = { default: 0, min: 0, max: 65_536 }
const ALWAYS_PRINTED = "progress and notes are always written to stdout"

/** The checkpoint. */
const MODEL = {
  ckpt: text({
    valueName: "path",
    help: "SDXL checkpoint (.safetensors), its address or owner/name[:file] on the Hugging Face Hub, or a diffusers folder. The embedded model is tiny. Required, unless a workflow or a picture names it.",
  }),
  ...MODEL_OPTIONS,
  v_parameterization: flag({
    help: "The checkpoint predicts v instead of noise. Without it, the checkpoint is run as its file says.",
  }),
  sdxl: ignored("this command always draws with SDXL"),
  v1: refused(OTHER_MODEL),
  v2: refused(OTHER_MODEL),
  tokenizer_cache_dir: ignored("this program contains the tokenizer"),
  clip_skip: integer({
    ...PROMPT_RANGES.clipSkip,
    default: PROMPT_DEFAULTS.clipSkip,
    nothing: [0],
    help: "Layer of both text encoders that is read, counted from the end.",
  }),
  textual_inversion_embeddings: texts({
    help: "Textual inversions for SDXL: files, or folders of them. A prompt uses one by the name of its file, or as embedding:NAME.",
  }),
} satisfies OptionTable

/** Settings that name files of models, which may lie on the web. */
export const MODEL_FILES = [
  ...(["ckpt", "vae", "unet", "networkWeights"] as const),
  ...(["controlNetLlliteModels", "textualInversionEmbeddings"] as const),
] as const

/** What to draw. */
const PROMPT = {
  prompt: text({
    canBeEmpty: true,
    help: "What to draw. Weights such as (x:1.2) and [x], BREAK and {a|b} are followed. Options of a line, such as --n, may follow.",
  }),
  negative_prompt: text({ aliases: ["n"], canBeEmpty: true, help: "What not to draw." }),
  from_file: file({
    help: "Text file with a prompt in each line, or - for stdin. A line may end with options: --n, --w, --h, --s, --d, --l, --nl, --t, --ow, --oh, --nw, --nh, --ct, --cl, --dsd1 …, --glt …, --f.",
  }),
  ...SOURCE_OPTIONS,
  wildcard_dir: folder({ help: "Folder of NAME.txt files. __NAME__ in a prompt becomes one of their lines." }),
  prompt_syntax: choice(PROMPT_SYNTAXES, {
    default: PROMPT_DEFAULTS.syntax,
    help: "How prompts are read: weighted as A1111 and sd-scripts do, comfyui as ComfyUI does, comfyui-joined the same with AND and BREAK, plain as text without weights.",
  }),
  from_module: refused(FROM_LINES, USE_FILE),
  prompter_module_args: ignored(belongsTo("from_module")),
  interactive: flag({
    help: "Read prompts from the terminal or from stdin, one in each line, until it ends. The model is loaded once.",
  }),
  shuffle_prompts: flag({
    help: "Draw the prompts of a file in another order in each iteration. The seed decides it.",
  }),
  n_iter: integer({ default: 1, min: 1, max: 1_000_000, help: "How often all prompts are drawn." }),
  max_embeddings_multiples: integer({
    ...PROMPT_RANGES.maxChunks,
    otherwise: "as many as a prompt has",
    help: "Most chunks of 75 tokens that are read of a prompt. The rest is not read.",
  }),
  emb_normalize_mode: choice(EMBEDDING_NORMALIZATIONS, {
    default: PROMPT_DEFAULTS.normalization,
    help: "How states with weights get their former size: by their mean, by their mean absolute value, or not.",
  }),
  compat: choice(COMPATS, {
    help: "Program that is followed where programs differ: in reading BREAK and groups in groups (sd-scripts), in counting the steps of an LLLite's window, and in the order of several LLLites.",
  }),
} satisfies OptionTable

/** LLLites, ControlNets and their control pictures. */
const CONTROL = {
  control_net_lllite_models: texts({
    aliases: ["control_net_models"],
    help: "LLLite and ControlNet files for SDXL. What they are follows from the files.",
  }),
  ...GUIDE_OPTIONS,
  control_net_guess_mode: flag({
    help: "Each ControlNet acts on the pass with the prompt alone, and weaker in the first blocks.",
  }),
  ...STEERING_OPTIONS,
  network_module: ignored("the kind of a network follows from its file", { nothing: ["networks.lora"] }),
  network_weights: texts({
    help: "LoRA files (LoRA, LoCon, LoHa, LoKr, DoRA). They act beside the layers.",
  }),
  network_mul: numbers({ min: -100, max: 100, help: "Strength of each LoRA. Default: 1." }),
  network_args: texts({
    help: "Settings of each LoRA, such as lbw=OUTALL or te=0.5;unet=1. lbw are block weights: 12, 17, 20 or 26 numbers, or a preset.",
  }),
  network_show_meta: ignored("the metadata of a file is shown by lllite inspect FILE"),
  network_merge_n_models: integer({ min: 0, max: 1000, help: "Number of LoRAs that are merged, from the first." }),
  network_merge: flag({ help: "Merge all LoRAs into the weights. A step is faster, and --am cannot change them." }),
  network_pre_calc: ignored("a LoRA beside the layers gives the same picture without it"),
  lora_dir: texts({ help: "Folders in which <lora:NAME:STRENGTH> of a prompt finds NAME.safetensors." }),
  network_regional_mask_max_color_codes: integer({
    ...REGION_CODES,
    otherwise: "red, green and blue are three regions",
    help: "Colours of the picture of mask_path that name regions. Each LoRA, and each part of a prompt with AND, acts in the region of its number.",
  }),
} satisfies OptionTable

/** Size, steps and noise. */
const PICTURE = {
  W: integer({
    ...GENERATE_RANGES.width,
    multipleOf: SIDE_MULTIPLE,
    otherwise: "1024, 128 with tiny, or that of a start picture",
    help: "Width in pixels.",
  }),
  H: integer({
    ...GENERATE_RANGES.height,
    multipleOf: SIDE_MULTIPLE,
    otherwise: "the same as W",
    help: "Height in pixels.",
  }),
  steps: integer({ default: GENERATE_DEFAULTS.steps, ...GENERATE_RANGES.steps, help: "Number of steps." }),
  guidance_start: number({
    ...GENERATE_RANGES.window,
    default: 0,
    help: "Where guidance begins on the noise schedule, from 0 (noise) to 1. Outside of its part a step takes half the time.",
  }),
  guidance_end: number({ ...GENERATE_RANGES.window, default: 1, help: "Where guidance ends on the noise schedule." }),
  scale: number({
    default: GENERATE_DEFAULTS.guidanceScale,
    ...GENERATE_RANGES.guidanceScale,
    help: "Guidance scale. 1 means no guidance.",
  }),
  negative_scale: number({
    ...GENERATE_RANGES.negativeScale,
    otherwise: "scale - 1, which is plain guidance",
    help: "Scale of the negative prompt. Guidance then begins at the empty prompt, and a step takes half as long again.",
  }),
  ...SAMPLING_OPTIONS,
  ...SPEED_OPTIONS,
  seed: seed({
    otherwise: "random",
    help: "Seed of the first picture. Each further picture has the next number. With --compat sd-scripts, seeds are drawn from it as there.",
  }),
  images_per_prompt: integer({ default: 1, min: 1, max: 1_000_000, help: "Number of pictures." }),
  iter_same_seed: flag({ help: "All pictures of one iteration have the same seed." }),
  batch_size: integer({
    ...GENERATE_RANGES.batchSize,
    otherwise: "4",
    help: "Most pictures in one pass of the U-Net. A picture is the same in every batch, but for the rounding of the backend.",
  }),
  original_width: integer({
    ...SIZE,
    otherwise: "the same as W",
    help: "SDXL's condition on the width before cropping.",
  }),
  original_height: integer({
    ...SIZE,
    otherwise: "the same as H",
    help: "SDXL's condition on the height before cropping.",
  }),
  original_width_negative: integer({
    ...SIZE,
    otherwise: "the same as original_width",
    help: "The same for the negative prompt.",
  }),
  original_height_negative: integer({
    ...SIZE,
    otherwise: "the same as original_height",
    help: "The same for the negative prompt.",
  }),
  crop_top: integer({ ...CROP, help: "SDXL's condition on the rows that are cropped above." }),
  crop_left: integer({ ...CROP, help: "SDXL's condition on the columns that are cropped on the left." }),
  ...NOISE_OPTIONS,
} satisfies OptionTable

/** Where pictures go. */
const OUTPUT = {
  outdir: folder({ default: "outputs", help: "Folder to write into. Existing files stay." }),
  sequential_file_name: flag({
    help: "Name pictures by their numbers alone: im_000001.png. Without it, their seeds follow: im_000000_7.png.",
  }),
  dated_file_name: flag({
    help: "Name pictures by the time, their place in the batch and their seed, as sd-scripts does: im_20260216093000_000_7.png.",
  }),
  no_preview: ignored("no window is opened"),
  console_log_level: ignored(ALWAYS_PRINTED, { nothing: ["info"] }),
  console_log_file: ignored("progress and notes are written to stdout, which can be redirected to a file"),
  console_log_simple: ignored("if stdout is not a terminal, it gets one JSON object a line"),
} satisfies OptionTable

const COMPUTING = {
  ...RUNTIME_OPTIONS,
  fp16: ignored("the option precision sets the precision of products"),
  bf16: ignored("the option precision sets the precision of products"),
  xformers: ignored(ATTENTION),
  sdpa: ignored(ATTENTION),
  diffusers_xformers: ignored(ATTENTION),
  opt_channels_last: ignored("tensors are always stored with channels last"),
  no_half_vae: ignored("the VAE computes in float32"),
  vae_batch_size: ignored("pictures are decoded one at a time", { nothing: [1] }),
} satisfies OptionTable

/** All options of `generate`, by sd-scripts' names. */
export const GENERATE_OPTIONS = {
  ...MODEL,
  ...PROMPT,
  ...CONTROL,
  ...PICTURE,
  ...STAGE_OPTIONS,
  ...OUTPUT,
  ...COMPUTING,
}

/** The same by heading. */
export const GENERATE_GROUPS = [
  ["Model", MODEL],
  ["Prompt", PROMPT],
  ["LLLites and ControlNets", CONTROL],
  ["Picture", PICTURE],
  ["Start pictures and stages", STAGE_OPTIONS],
  ["Output", OUTPUT],
  ["Backend and precision", COMPUTING],
] as const
