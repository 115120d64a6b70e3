import { samplerInfo } from "../diffusion/names.ts"
import { isNearComfyUi, isOfBrownianTree } from "../diffusion/other-programs.ts"
import type { RecipeInput } from "../recipe/recipe.ts"
import { adaptersOf } from "./controls.ts"
import { comfySampler } from "./sampler-names.ts"
import type { SizeOf } from "./stages.ts"
import { stagesOf } from "./stages.ts"
import { textsOf } from "./texts.ts"
import type { ClipValue, ImageValue, SamplerRun, VaeValue } from "./values.ts"

/** Pictures of one run of a sampler: a recipe for each picture of its batch. */
export interface PictureRecipes {
  readonly recipes: readonly RecipeInput[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
}

/** Says what of a run cannot be followed. */
export type Refuse = (problem: string) => void

/**
 * The recipes of a decoded picture. Null if something cannot be followed, which `refuse` is told.
 *
 * @param nameOf names a node for messages
 * @param sizeOf the size of a picture that a run starts from
 */
export function picturesOf(
  image: ImageValue & { readonly made: "decoded" },
  nameOf: (node: string) => string,
  sizeOf: SizeOf,
  refuse: Refuse,
): PictureRecipes | null {
  const { latents, vae } = image
  if (latents.made !== "sampled") {
    refuse("a picture is decoded from latents that no sampler has made")
    return null
  }
  const { run } = latents
  const notices: string[] = []
  let isGood = true
  const problem = (text: string): void => {
    isGood = false
    refuse(`${nameOf(run.node)} ${text}`)
  }
  const notice = (text: string): void => void notices.push(text)
  const stages = stagesOf(run, { sizeOf, problem, notice })
  const sampler = comfySampler(stages?.first ?? run)
  for (const each of new Set([run, stages?.first ?? run])) {
    const named = comfySampler(each)
    if ("problem" in named) problem(named.problem)
  }
  const model = modelOf(run, vae, problem)
  const texts = textsOf(run, stages ?? { width: 1, height: 1 }, {
    problem,
    notice: (text) => notice(`${nameOf(run.node)} ${text}`),
  })
  // A second stage without LLLites has those of the first one in its recipe.
  const controlled = (stages?.hires?.control === false ? stages.first : stages?.last) ?? run
  const adapters = Array.from({ length: stages?.batch ?? 1 }, (_, index) =>
    adaptersOf(controlled, { index, count: stages?.batch ?? 1 }, problem, notice),
  )
  if (!isGood || stages === null || "problem" in sampler || model === null || texts === null) return null

  if (isNearComfyUi(run.sampler.name)) {
    notices.push(
      `${nameOf(run.node)} has the sampler ${run.sampler.name}, which is near ComfyUI's here, and not the same.`,
    )
  }
  const methods = [sampler.sampler, samplerInfo(stages.hires?.sampling?.sampler ?? "")?.name ?? sampler.sampler]
  if (methods.some(isOfBrownianTree)) {
    notices.push(
      `${nameOf(run.node)} has the sampler ${run.sampler.name}, whose steps get other noise than in ComfyUI. The picture differs in its details.`,
    )
  }
  const { width, height, batch, firstOfBatch, ofBatch, steps, start, hires, first } = stages
  const { positive, negative } = run
  const size = positive.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  const negativeSize = negative?.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  if (batch < ofBatch && !isDrawnAlike({ width, height })) {
    notices.push(
      `${nameOf(run.node)} runs a part of a batch, whose noise ComfyUI draws picture by picture. At ${width}x${height} that differs from the noise here.`,
    )
  }
  const isDrawing = methods.some((method) => DRAWING.includes(method))
  if (ofBatch > 1 && isDrawing && ofBatch * width * height > MOST_DRAWN) {
    notices.push(
      `${nameOf(run.node)} makes ${batch} pictures. The noise of its steps is that of a card which draws the batch at once, and smaller cards do not.`,
    )
  }
  const recipes = Array.from(
    { length: batch },
    (_, i): RecipeInput => ({
      ...texts,
      seed: first.seed,
      noise: isDrawing ? "comfyui" : "torch-cpu",
      ...(ofBatch === 1 ? {} : { batch: { index: firstOfBatch + i, count: ofBatch } }),
      ...{ width, height, size, negativeSize, steps, guidanceScale: first.guidanceScale },
      ...(start == null ? {} : { start }),
      ...(hires == null ? {} : { hires }),
      ...samplingOf(run.model),
      ...sampler,
      ...{ model, adapters: adapters[i] ?? [], combine: "chain-comfyui" },
    }),
  )
  return { recipes, notices }
}

/** Samplers whose steps have noise of ComfyUI's default source. Those of SDEs have another, which is not had here. */
const DRAWING: readonly string[] = ["euler_a", "dpm_2_a", "dpmpp_2s_ancestral", "ddpm", "lcm"]

/**
 * Whether ComfyUI draws the noise of a part of a batch as it draws that of the whole batch. It draws a part picture by
 * picture, and PyTorch draws in groups of sixteen values.
 */
export function isDrawnAlike({ width, height }: { readonly width: number; readonly height: number }): boolean {
  return ((width * height) / 64) % 4 === 0
}

/**
 * Pixels of a batch whose noise every card with 32,768 threads or more draws at once: four latents for 64 pixels. For
 * more, a card gives a thread several numbers, in an order that depends on its size.
 */
const MOST_DRAWN = (32_768 / 4) * 64

/** What nodes say of the schedule and of guidance. */
function samplingOf({ zeroTerminalSnr, guidanceRescale }: SamplerRun["model"]): Partial<RecipeInput> {
  return {
    ...(zeroTerminalSnr === null ? {} : { zeroTerminalSnr }),
    ...(guidanceRescale === 0 ? {} : { guidanceRescale }),
  }
}

function modelOf(run: SamplerRun, vae: VaeValue, problem: Refuse): RecipeInput["model"] | null {
  const { model, positive, negative, guidanceScale } = run
  const { clip } = positive
  // Without guidance, ComfyUI does not run the negative prompt.
  if (negative !== null && guidanceScale !== 1 && !isSameClip(clip, negative.clip)) {
    problem("has prompts from two text encoders that differ, and one is used for both here")
    return null
  }
  if ("checkpoint" in model.source && model.source.checkpoint !== clip.checkpoint) {
    problem(`takes the model of ${model.source.checkpoint} and the text encoders of ${clip.checkpoint}`)
    return null
  }
  const others = clip.loras.filter(({ node }) => model.loras.every((lora) => lora.node !== node))
  const strengthIn = (loras: readonly { readonly node: string; readonly strength: number }[], node: string): number =>
    loras.find((lora) => lora.node === node)?.strength ?? 0
  return {
    checkpoint: { path: clip.checkpoint },
    ...("unet" in model.source ? { unet: { path: model.source.unet } } : {}),
    ...(model.prediction === null ? {} : { prediction: model.prediction }),
    ...vaeOf(vae, clip),
    loras: [...model.loras, ...others].map(({ node, name }) => ({
      file: { path: name },
      strength: strengthIn(model.loras, node),
      textStrength: strengthIn(clip.loras, node),
    })),
  }
}

function vaeOf({ source }: VaeValue, clip: ClipValue): Pick<RecipeInput["model"], "vae"> {
  if ("vae" in source) return { vae: { path: source.vae } }
  return source.checkpoint === clip.checkpoint ? {} : { vae: { path: source.checkpoint } }
}

function isSameClip(a: ClipValue, b: ClipValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
