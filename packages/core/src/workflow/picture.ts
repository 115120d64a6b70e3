import { isNearComfyUi } from "../diffusion/other-programs.ts"
import type { RecipeInput } from "../recipe/recipe.ts"
import { adaptersOf } from "./controls.ts"
import { comfySampler } from "./sampler-names.ts"
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
 */
export function picturesOf(
  image: ImageValue & { readonly made: "decoded" },
  nameOf: (node: string) => string,
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
  const start = run.latents
  if (start.made !== "empty") problem("starts from other latents than empty ones, which cannot be followed yet")
  if (run.denoise < 1) problem(`has denoise ${run.denoise}, and only 1 can be followed`)
  if (run.part !== null) problem("runs a part of its steps, which cannot be followed yet")
  const sampler = comfySampler(run.sampler, run.scheduler)
  if ("problem" in sampler) problem(sampler.problem)
  const model = modelOf(run, vae, problem)
  const adapters = adaptersOf(run, problem, (text) => void notices.push(text))
  if (!isGood || start.made !== "empty" || "problem" in sampler || model === null) return null

  if (isNearComfyUi(run.sampler)) {
    notices.push(`${nameOf(run.node)} has the sampler ${run.sampler}, which is near ComfyUI's here, and not the same.`)
  }
  const { width, height, batch } = start
  const { positive, negative } = run
  const size = positive.size ?? { original: [height, width], crop: [0, 0], target: [height, width] }
  if (JSON.stringify(positive.size) !== JSON.stringify(negative.size)) {
    notices.push(`${nameOf(run.node)} has other sizes for the negative prompt. Both prompts get the positive one's.`)
  }
  for (const [name, { text, firstText }] of Object.entries({ positive, negative })) {
    if (text !== firstText) {
      notices.push(`${nameOf(run.node)} has two ${name} texts. Both text encoders read text_g.`)
    }
  }
  if (batch > 1) {
    notices.push(
      `${nameOf(run.node)} makes ${batch} pictures. The first has ComfyUI's noise. The others have the next seeds, and ComfyUI draws the noise of all from one.`,
    )
  }
  const seed = BigInt(run.seed)
  const recipes = Array.from(
    { length: batch },
    (_, i): RecipeInput => ({
      prompt: positive.text,
      negativePrompt: negative.text,
      prompts: { syntax: "comfyui", clipSkip: positive.clip.clipSkip },
      seed: String((seed + BigInt(i)) % 2n ** 64n),
      noise: "torch-cpu",
      ...{ width, height, size, steps: run.steps, guidanceScale: run.guidanceScale },
      ...sampler,
      ...{ model, adapters, combine: "chain-comfyui" },
    }),
  )
  return { recipes, notices }
}

function modelOf(run: SamplerRun, vae: VaeValue, problem: Refuse): RecipeInput["model"] | null {
  const { model, positive, negative } = run
  const { clip } = positive
  if (!isSameClip(clip, negative.clip)) {
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
