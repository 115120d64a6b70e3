import { COMFYUI_SAMPLER_NAMES, COMFYUI_SCHEDULER_NAMES } from "@lllite/core/names"
import { NODE_TYPES } from "@lllite/core/recipe"
import type { InputPictures } from "../files/input-pictures.ts"
import { type Library, type ModelKind, namesOf } from "../files/library.ts"

/** Fields that name a model, by their names in nodes. */
const MODEL_FIELDS: Readonly<Record<string, ModelKind>> = {
  ckpt_name: "checkpoint",
  unet_name: "unet",
  vae_name: "vae",
  lora_name: "lora",
  model_name: "adapter",
  control_net_name: "adapter",
  cnet: "adapter",
}

/** The choices of other fields. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  sampler_name: COMFYUI_SAMPLER_NAMES,
  scheduler: COMFYUI_SCHEDULER_NAMES,
  upscale_method: ["nearest-exact", "bilinear", "area", "bicubic", "bislerp", "lanczos"],
  crop: ["disabled", "center"],
  sampling: ["eps", "v_prediction"],
  add_noise: ["enable", "disable"],
  return_with_leftover_noise: ["disable", "enable"],
  solver_type: ["midpoint", "heun"],
  noise_device: ["gpu", "cpu"],
  model_type: ["SDXL", "SD1"],
  channel: ["alpha", "red", "green", "blue"],
}

/** The nodes in which a workflow ends. */
export const OUTPUT_NODES: readonly string[] = ["SaveImage", "PreviewImage"]

/** What ComfyUI's page shows of numbers, whose own ranges the server checks when a workflow is read. */
const NUMBERS = {
  INT: { min: -(2 ** 31), max: 2 ** 31 },
  FLOAT: { min: -1000, max: 1000, step: 0.01 },
} as const

/** The largest seed, as ComfyUI has it: 2^64 - 1. */
const LARGEST_SEED = 2 ** 64

interface InputType {
  readonly type: string
  readonly isField: boolean
  readonly fallback?: unknown
  readonly hasControl?: true
  readonly isOptional?: true
}

/** The nodes that workflows may have, in the form of ComfyUI's `/object_info`. */
export async function objectInfo(library: Library, inputs: InputPictures): Promise<Readonly<Record<string, object>>> {
  const names = new Map<string, readonly string[]>(Object.entries(CHOICES))
  for (const [field, kind] of Object.entries(MODEL_FIELDS)) {
    names.set(field, await namesOf(library, kind))
  }
  names.set("image", [...inputs.names.keys()].sort())
  const entries = Object.entries(NODE_TYPES).map(([name, { inputs, outputs }]) => {
    const fields = Object.entries(inputs as Readonly<Record<string, InputType>>)
    const group = (isOptional: boolean): object =>
      Object.fromEntries(
        fields
          .filter(([, input]) => (input.isOptional === true) === isOptional)
          .map(([field, input]) => [field, inputInfo(field, input, names)]),
      )
    const isOutput = OUTPUT_NODES.includes(name)
    const info = {
      input: { required: group(false), optional: group(true) },
      input_order: { required: Object.keys(group(false)), optional: Object.keys(group(true)) },
      ...{ output: outputs, output_is_list: outputs.map(() => false), output_name: outputs },
      ...{ name, display_name: name, description: "", python_module: "nodes", category: "lllite" },
      output_node: isOutput,
    }
    return [name, info] as const
  })
  return Object.fromEntries(entries)
}

function inputInfo(
  field: string,
  { type, fallback, hasControl }: InputType,
  names: ReadonlyMap<string, readonly string[]>,
): readonly unknown[] {
  const start = fallback === undefined ? {} : { default: fallback }
  if (type === "COMBO") {
    const values = names.get(field) ?? (typeof fallback === "string" ? [fallback] : [])
    return [values, { ...start, ...(field === "image" ? { image_upload: true } : {}) }]
  }
  if (type === "INT" && hasControl) {
    return [type, { ...start, min: 0, max: LARGEST_SEED, control_after_generate: true }]
  }
  if (type === "INT" || type === "FLOAT") return [type, { ...start, ...NUMBERS[type] }]
  if (type === "STRING") return [type, { ...start, multiline: field.startsWith("text") || field === "value" }]
  return [type, start]
}
