import { SAMPLER_NAMES } from "@lllite/core/names"
import { MODEL_OPTIONS, RUNTIME_OPTIONS } from "../model/runtime-options.ts"
import type { OptionSpec } from "../options/options.ts"

/** What `generate` takes, by sd-scripts' names. */
export const GENERATE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "ckpt",
    kind: "text",
    help: "SDXL checkpoint (.safetensors), a diffusers folder, or tiny for the embedded one",
  },
  ...MODEL_OPTIONS,
  { name: "v_parameterization", kind: "flag", help: "the checkpoint predicts v rather than noise" },
  { name: "prompt", kind: "text", help: "what to draw" },
  { name: "negative_prompt", kind: "text", help: "what not to draw" },
  { name: "n", kind: "text", help: "the same, shorter" },
  { name: "control_net_lllite_models", kind: "texts", help: "LLLite files" },
  { name: "guide_image_path", kind: "texts", help: "control picture of each LLLite, in order, used as it is" },
  { name: "control_net_multipliers", kind: "numbers", help: "strength of each LLLite, 1 unless given" },
  {
    name: "control_net_ratios",
    kind: "numbers",
    help: "how far along the noise schedule each LLLite works, 0 to 1; 1 (to the end) unless given",
  },
  { name: "W", kind: "integer", help: "width in pixels, a multiple of 32; 1024 unless given, 128 with tiny" },
  { name: "H", kind: "integer", help: "height in pixels, a multiple of 32; as W unless given" },
  { name: "steps", kind: "integer", help: "20 unless given" },
  { name: "scale", kind: "number", help: "guidance, 7.5 unless given; 1 for none" },
  { name: "sampler", kind: "text", help: "euler unless given", choices: SAMPLER_NAMES },
  { name: "seed", kind: "integer", help: "of the first picture; the next ones count up. Drawn unless given" },
  { name: "images_per_prompt", kind: "integer", help: "pictures, 1 unless given" },
  { name: "outdir", kind: "text", help: "folder to write into" },
  ...RUNTIME_OPTIONS,
]
