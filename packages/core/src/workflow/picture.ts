import { samplerInfo } from "../diffusion/names.ts"
import { isNearComfyUi, isOfBrownianTree } from "../diffusion/other-programs.ts"
import type { PictureArea } from "../generation/prompt-parts.ts"
import type { PartInput, RecipeInput } from "../recipe/recipe.ts"
import { adaptersOf } from "./controls.ts"
import { hasJoiningWord, isWhole } from "./rules/conditioning.ts"
import { comfySampler } from "./sampler-names.ts"
import type { Size, SizeOf } from "./stages.ts"
import { stagesOf } from "./stages.ts"
import type { ClipValue, ConditioningArea, ConditioningPart, ImageValue, SamplerRun, VaeValue } from "./values.ts"

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
  const texts = textsOf(run, stages ?? { width: 1, height: 1 }, problem)
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
  const { width, height, batch, steps, start, hires, first } = stages
  const { positive, negative } = run
  const size = positive.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  const negativeSize = negative?.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  if (batch > 1) {
    notices.push(
      `${nameOf(run.node)} makes ${batch} pictures. The first has ComfyUI's noise. The others have the next seeds, and ComfyUI draws the noise of all from one.`,
    )
  }
  const seed = BigInt(first.seed)
  const recipes = Array.from(
    { length: batch },
    (_, i): RecipeInput => ({
      ...texts,
      seed: String((seed + BigInt(i)) % 2n ** 64n),
      noise: methods.some((method) => DRAWING.includes(method)) ? "comfyui" : "torch-cpu",
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

/** The texts of a run, in the syntax that can say them. Null: none can. */
function textsOf(
  { positive, negative: given, guidanceScale }: SamplerRun,
  size: Size,
  problem: Refuse,
): Pick<RecipeInput, "prompt" | "parts" | "negativePrompt" | "firstPrompt" | "firstNegativePrompt" | "prompts"> | null {
  // Without guidance, ComfyUI does not run the negative prompt.
  const negative = guidanceScale === 1 && given !== null && (given.isZero || given.parts.length > 1) ? null : given
  const isJoined = [positive, negative].some((each) => each?.isJoined === true)
  const text =
    positive.isZero || negative?.isZero === true
      ? "has a prompt of zeros (ConditioningZeroOut), which cannot be followed. Give it CLIPTextEncode with an empty text"
      : negative !== null && negative.parts.length > 1
        ? "has combined negative prompts, which cannot be followed. Write them in one text"
        : negative?.parts.every(isWhole) === false
          ? "limits its negative prompt to a region or a part of the steps, which cannot be followed. Bypass it"
          : isJoined && [positive, negative].some((each) => each?.isJoined === false && each.parts.some(isJoining))
            ? "has joined prompts beside one with the word AND or BREAK, which cannot be followed. Write it in small letters"
            : null
  if (text !== null) {
    problem(text)
    return null
  }
  const { parts, firstText } = positive
  const isShared = !parts.every(isWhole)
  // Each part ends in its weight, so that a number at the end of a text stays text.
  const weight = isShared ? 1 : 1 / parts.length
  return {
    prompt: parts.length === 1 ? (parts[0]?.text ?? "") : parts.map(({ text }) => `${text} :${weight}`).join(" AND "),
    ...(isShared ? { parts: parts.map((part) => partOf(part, size)) } : {}),
    negativePrompt: negative?.parts[0]?.text ?? "",
    ...(firstText === null ? {} : { firstPrompt: firstText }),
    ...(negative === null || negative.firstText === null ? {} : { firstNegativePrompt: negative.firstText }),
    prompts: { syntax: isJoined ? "comfyui-joined" : "comfyui", clipSkip: positive.clip.clipSkip },
  }
}

function isJoining({ text }: ConditioningPart): boolean {
  return hasJoiningWord(text)
}

/** A part of a recipe's prompt. Areas in pixels become parts of the picture. */
function partOf({ strength, start, end, area, mask }: ConditioningPart, { width, height }: Size): PartInput {
  return {
    ...{ strength, start, end },
    ...(area === null ? {} : { area: area.unit === "parts" ? areaOf(area, 1, 1) : areaOf(area, width, height) }),
    ...(mask === null
      ? {}
      : { mask: { file: { path: mask.name }, ...(mask.channel === null ? {} : { channel: mask.channel }) } }),
  }
}

function areaOf({ left, top, width, height }: ConditioningArea, across: number, down: number): PictureArea {
  const part = (pixels: number, side: number): number => Math.min(1, pixels / side)
  return { left: part(left, across), top: part(top, down), width: part(width, across), height: part(height, down) }
}

/** Samplers whose steps have noise of ComfyUI's default source. Those of SDEs have another, which is not had here. */
const DRAWING: readonly string[] = ["euler_a", "dpm_2_a", "dpmpp_2s_ancestral", "ddpm", "lcm"]

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
