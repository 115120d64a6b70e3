import { CONTROL_TYPE_NAMES, CONTROL_TYPES, type ControlType } from "@lllite/format/identify"
import { samplerInfo } from "../diffusion/names.ts"
import { comfyUiNames } from "../diffusion/other-programs.ts"
import type { AdapterRecipe, Recipe } from "../recipe/recipe.ts"
import type { NodeTypeName } from "./node-types.ts"

/** A node to write: what each input has, a value or an output of another node. */
export interface WrittenNode {
  readonly type: NodeTypeName
  readonly title: string
  readonly inputs: Readonly<Record<string, unknown>>
}

/** An output of a node that is written, by the node's number. */
export interface WrittenLink {
  readonly node: number
  readonly slot: number
}

/** A graph to write, and what it cannot say of the recipe, one sentence each. */
export interface RecipeGraph {
  readonly nodes: ReadonlyMap<number, WrittenNode>
  readonly notices: readonly string[]
}

/** The graph of ComfyUI that makes a recipe's picture. */
export function recipeGraph(recipe: Recipe): RecipeGraph {
  const nodes = new Map<number, WrittenNode>()
  const notices: string[] = []
  const add = (type: NodeTypeName, title: string, inputs: Readonly<Record<string, unknown>>): number => {
    nodes.set(nodes.size + 1, { type, title, inputs })
    return nodes.size
  }
  const out = (node: number, slot = 0): WrittenLink => ({ node, slot })
  const { width, height, model: files, prompts, steps, guidanceScale, seed, size, negativeSize } = recipe

  const checkpoint = add("CheckpointLoaderSimple", "Checkpoint", { ckpt_name: files.checkpoint.path })
  let model =
    files.unet === undefined ? out(checkpoint) : out(add("UNETLoader", "U-Net", { unet_name: files.unet.path }))
  let clip = out(checkpoint, 1)
  const vae = files.vae === undefined ? out(checkpoint, 2) : out(add("VAELoader", "VAE", { vae_name: files.vae.path }))
  for (const { file, strength, textStrength } of [...files.loras, ...recipe.loras]) {
    const strengths = { strength_model: strength, strength_clip: textStrength }
    const lora = add("LoraLoader", "LoRA", { model, clip, lora_name: file.path, ...strengths })
    ;[model, clip] = [out(lora), out(lora, 1)]
  }
  if (files.prediction === "v") {
    const zsnr = recipe.zeroTerminalSnr === true
    model = out(add("ModelSamplingDiscrete", "Prediction", { model, sampling: "v_prediction", zsnr }))
  }
  if (prompts.clipSkip !== 2) {
    clip = out(add("CLIPSetLastLayer", "Layer of the encoders", { clip, stop_at_clip_layer: -prompts.clipSkip }))
  }
  const encode = (
    text: string,
    first: string,
    title: string,
    { original, crop, target }: Recipe["size"],
  ): WrittenLink =>
    out(
      add("CLIPTextEncodeSDXL", title, {
        ...{ clip, width: original[1], height: original[0], crop_w: crop[1], crop_h: crop[0] },
        ...{ target_width: target[1], target_height: target[0], text_g: text, text_l: first },
      }),
    )
  let positive = encode(recipe.prompt, recipe.firstPrompt ?? recipe.prompt, "Prompt", size)
  const { negativePrompt, firstNegativePrompt = negativePrompt } = recipe
  let negative = encode(negativePrompt, firstNegativePrompt, "Negative prompt", negativeSize)

  const ordered = recipe.combine === "chain" ? recipe.adapters.toReversed() : recipe.adapters
  for (const adapter of ordered) {
    const { path } = adapter.control?.file ?? { path: "control.png" }
    const image = add("LoadImage", "Control picture", { image: path })
    const scale = {
      upscale_method: "lanczos",
      width,
      height,
      crop: adapter.control?.fit === "crop" ? "center" : "disabled",
    }
    const fitted = add("ImageScale", "Fit the control picture", { image: out(image), ...scale })
    if (adapter.kind === "controlnet") {
      const net = add("ControlNetLoader", "Load the ControlNet", { control_net_name: adapter.file.path })
      const { strength, window, controlType: type } = adapter
      const typed =
        type === undefined
          ? net
          : add("SetUnionControlNetType", "Control type", { control_net: out(net), type: unionName(type) })
      const applied = add("ControlNetApplyAdvanced", "ControlNet", {
        ...{ positive, negative, control_net: out(typed), image: out(fitted), strength },
        ...{ start_percent: window.start, end_percent: window.end },
      })
      ;[positive, negative] = [out(applied), out(applied, 1)]
      continue
    }
    const { start, end, steps: counted } = windowOf(adapter, steps)
    model = out(
      add("LLLiteLoader", "LLLite", {
        ...{ model, model_name: adapter.file.path, cond_image: out(fitted), strength: adapter.strength },
        ...{ steps: counted, start_percent: start, end_percent: end },
      }),
    )
  }
  const latents = out(add("EmptyLatentImage", "Size", { width, height, batch_size: 1 }))
  const info = samplerInfo(recipe.sampler)
  const names = info === null ? null : comfyUiNames({ ...recipe, sampler: info.name })
  const sampled = add("KSampler", "Sampler", {
    ...{ model, seed, steps, cfg: guidanceScale },
    ...{ sampler_name: names?.sampler ?? "euler", scheduler: names?.scheduler ?? "normal" },
    ...{ positive, negative, latent_image: latents, denoise: 1 },
  })
  const image = add("VAEDecode", "Decode", { samples: out(sampled), vae })
  add("SaveImage", "Save", { images: out(image), filename_prefix: "lllite" })

  if (names === null) {
    notices.push(
      `ComfyUI has no sampler that is ${recipe.sampler} with ${recipe.spacing}. The workflow has euler with normal.`,
    )
  }
  return { nodes, notices: [...notices, ...unsaid(recipe)] }
}

/** ComfyUI's name of a control type, which joins all names of a row. */
function unionName(type: ControlType): string {
  return CONTROL_TYPE_NAMES.filter((name) => CONTROL_TYPES[name] === CONTROL_TYPES[type]).join("/")
}

/** A window in percent of so many steps, as kohya's node counts. An end of 0 is the end of the run. */
function windowOf(
  { window: { start, end } }: AdapterRecipe,
  steps: number,
): { readonly start: number; readonly end: number; readonly steps: number } {
  if (start === 0 && end === 1) return { start: 0, end: 0, steps: 0 }
  const percent = (part: number): number => Number((100 * part).toFixed(1))
  return { start: percent(start), end: end === 1 ? 0 : Math.max(0.1, percent(end)), steps }
}

/** What the nodes have no inputs for. */
function unsaid(recipe: Recipe): readonly string[] {
  const { noise, combine, adapters, start, hires, deepShrink, gradualLatent, prompts, guidanceRescale } = recipe
  const any = (has: (adapter: AdapterRecipe) => boolean): boolean => adapters.some(has)
  const parts: readonly (readonly [isThere: boolean, what: string])[] = [
    [noise !== "torch-cpu", `noise of ${noise}, where ComfyUI draws torch-cpu`],
    [
      prompts.syntax !== "comfyui",
      `prompts in the syntax ${prompts.syntax}, where ComfyUI weighs words in its own way`,
    ],
    [combine === "sum" && adapters.length > 1, "LLLites that are summed"],
    [
      any(({ curve, blocks, guidance, mask }) => [curve, blocks, guidance, mask].some((each) => each !== undefined)),
      "curves, blocks, sides or masks of LLLites",
    ],
    [
      any(({ kind, window }) => kind === "lllite" && window.by !== "comfyui" && (window.start > 0 || window.end < 1)),
      "windows by the schedule, where kohya's node counts steps",
    ],
    [any(({ guessMode }) => guessMode === true), "the guess mode of ControlNets"],
    [any(({ control }) => control === null), "the control picture, which is not recorded"],
    [any(({ control }) => control?.preprocess !== undefined), "the preprocessing of control pictures"],
    [any(({ control }) => control?.fit === "pad"), "control pictures that are padded"],
    [start !== null, "the picture to start from"],
    [hires !== null, "hires fix"],
    [deepShrink !== null, "Deep Shrink"],
    [recipe.deepCache !== null, "DeepCache"],
    [gradualLatent !== null, "gradual latent"],
    [guidanceRescale !== 0, "rescaled guidance"],
    [recipe.guidanceWindow.start > 0 || recipe.guidanceWindow.end < 1, "guidance on a part of the schedule"],
    [recipe.textualInversions.length > 0, "textual inversions"],
  ]
  const there = parts.flatMap(([isThere, what]) => (isThere ? [what] : []))
  return there.length === 0 ? [] : [`The workflow does not say: ${there.join("; ")}.`]
}
