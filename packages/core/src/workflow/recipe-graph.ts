import { CONTROL_TYPE_NAMES, CONTROL_TYPES, type ControlType } from "@lllite/format/identify"
import { isComfyUiSyntax } from "../prompt/options.ts"
import type { AdapterRecipe, Recipe } from "../recipe/recipe.ts"
import type { NodeTypeName } from "./node-types.ts"
import { type AddNode, addSamplers } from "./sampler-graph.ts"
import { type AddEncoder, addChunks, addPrompt } from "./text-graph.ts"
import type { WrittenLink, WrittenNode } from "./written-node.ts"

/** A graph to write, and what it cannot say of the recipe, one sentence each. */
export interface RecipeGraph {
  readonly nodes: ReadonlyMap<number, WrittenNode>
  readonly notices: readonly string[]
}

/** The graph of ComfyUI that makes a recipe's picture. */
export function recipeGraph(recipe: Recipe): RecipeGraph {
  const nodes = new Map<number, WrittenNode>()
  const add = (type: NodeTypeName, title: string, inputs: Readonly<Record<string, unknown>>): number => {
    nodes.set(nodes.size + 1, { type, title, inputs })
    return nodes.size
  }
  const out = (node: number, slot = 0): WrittenLink => ({ node, slot })
  const { width, height, model: files, prompts, steps, size, negativeSize, hires } = recipe

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
  const said = new Set<string>()
  const addNode: AddNode = (type, title, inputs) => out(add(type, title, inputs))
  const isJoined = prompts.syntax === "comfyui-joined"
  const notice = (text: string): void => void said.add(text)
  const { firstPrompt, negativePrompt, firstNegativePrompt, parts, negativeParts } = recipe
  let positive = addPrompt(
    { text: recipe.prompt, first: firstPrompt, parts },
    isJoined,
    (text, first) => encode(text, first, "Prompt", size),
    addNode,
    notice,
  )
  const encodeNegative: AddEncoder = (text, first) => encode(text, first, "Negative prompt", negativeSize)
  let negative =
    negativeParts === undefined && isJoined
      ? addChunks(negativePrompt, firstNegativePrompt, encodeNegative, addNode)
      : addPrompt(
          { text: negativePrompt, first: firstNegativePrompt, parts: negativeParts },
          isJoined,
          encodeNegative,
          addNode,
          notice,
        )

  let bare = model
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
  if (recipe.guidanceRescale !== 0) {
    model = out(add("RescaleCFG", "Rescaled guidance", { model, multiplier: recipe.guidanceRescale }))
    if (hires?.control === false)
      bare = out(add("RescaleCFG", "Rescaled guidance", { model: bare, multiplier: recipe.guidanceRescale }))
  }
  const sampled = addSamplers(recipe, { model, bare, positive, negative, vae }, addNode, (text) => void said.add(text))
  const image = add("VAEDecode", "Decode", { samples: sampled, vae })
  add("SaveImage", "Save", { images: out(image), filename_prefix: "lllite" })
  return { nodes, notices: [...said, ...unsaid(recipe)] }
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
  const { noise, combine, adapters, start, hires, deepShrink, gradualLatent, prompts } = recipe
  const any = (has: (adapter: AdapterRecipe) => boolean): boolean => adapters.some(has)
  const parts: readonly (readonly [isThere: boolean, what: string])[] = [
    [noise !== "torch-cpu" && noise !== "comfyui", `noise of ${noise}, where ComfyUI draws torch-cpu`],
    [
      !isComfyUiSyntax(prompts.syntax),
      `prompts in the syntax ${prompts.syntax}, where ComfyUI weighs words in its own way`,
    ],
    [combine === "sum" && adapters.length > 1, "LLLites that are summed"],
    [
      any(({ curve, blocks, guidance, mask, hole }) =>
        [curve, blocks, guidance, mask, hole].some((each) => each !== undefined),
      ),
      "curves, blocks, sides, masks or holes of LLLites",
    ],
    [
      any(({ kind, window }) => kind === "lllite" && window.by !== "comfyui" && (window.start > 0 || window.end < 1)),
      "windows by the schedule, where kohya's node counts steps",
    ],
    [any(({ guessMode }) => guessMode === true), "the guess mode of ControlNets"],
    [any(({ control }) => control === null), "the control picture, which is not recorded"],
    [any(({ control }) => control?.preprocess !== undefined), "the preprocessing of control pictures"],
    [any(({ control }) => control?.fit === "pad"), "control pictures that are padded"],
    [start?.compat != null || hires?.compat != null, "how sd-scripts begins from a picture"],
    [deepShrink !== null, "Deep Shrink"],
    [recipe.deepCache !== null, "DeepCache"],
    [recipe.tiles !== null, "tiles"],
    [recipe.vaeTiles !== undefined, "tiles of the VAE"],
    [gradualLatent !== null, "gradual latent"],
    [recipe.guidanceWindow.start > 0 || recipe.guidanceWindow.end < 1, "guidance on a part of the schedule"],
    [recipe.startNoise !== null, "what is added to the noise of the start"],
    [recipe.negativeScale !== null, "the scale of the negative prompt"],
    [recipe.regions !== undefined, "regions of prompts and LoRAs"],
    [recipe.textualInversions.length > 0, "textual inversions"],
  ]
  const there = parts.flatMap(([isThere, what]) => (isThere ? [what] : []))
  return there.length === 0 ? [] : [`The workflow does not say: ${there.join("; ")}.`]
}
