import { randomInt } from "node:crypto"
import type { RgbImage } from "@lllite/core/image"
import type { HiresFix, MaskedContent, NamedSampling, NoiseName } from "@lllite/core/names"
import type { AdapterInput, LoraInput, RecipeInput } from "@lllite/core/recipe"
import { TINY, takeLoraTags } from "@lllite/core/recipe"
import { findModel, type Library } from "../files/library.ts"
import type { Service } from "../service.ts"
import { readUnits } from "./controlnet/units.ts"
import type { Img2ImgFields, Txt2ImgFields } from "./fields.ts"
import { planInpainting } from "./inpaint.ts"
import type { OptionValues } from "./options.ts"
import { decodeMask, decodePicture, keepImage, pictureBytes } from "./pictures.ts"
import { A1111Error } from "./refusal.ts"
import { hiresRun, imageToImageRun, samplerOptions, samplingOf } from "./sampling.ts"

/** What a request asks for. */
export interface Plan {
  readonly recipes: readonly RecipeInput[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
  /** The places of adapters whose control pictures follow the drawn ones. */
  readonly shown: readonly number[]
  /** What becomes of a drawn picture. Null: nothing. */
  readonly finish: ((drawn: RgbImage, recipe: number) => Promise<RgbImage>) | null
}

/** A request, of either kind. */
export type Asked =
  | { readonly kind: "txt2img"; readonly fields: Txt2ImgFields }
  | { readonly kind: "img2img"; readonly fields: Img2ImgFields }

/** Random seeds have 32 bits, as in A1111. */
const RANDOM_SEEDS = 2 ** 32

/** Kinds of noise by `randn_source`. */
const NOISES: Readonly<Record<string, NoiseName>> = { GPU: "torch-cuda", NV: "torch-cuda", CPU: "torch-cpu" }

/** Fields that change a picture and are not followed, with the values at which they change nothing. */
const UNFOLLOWED: Readonly<Record<string, readonly unknown[]>> = {
  ...{ styles: [null], subseed_strength: [0], seed_resize_from_h: [-1, 0], seed_resize_from_w: [-1, 0] },
  ...{ restore_faces: [null, false], tiling: [null, false], s_min_uncond: [null, 0], refiner_checkpoint: [null, ""] },
  ...{ firstpass_image: [null, ""], hr_checkpoint_name: [null, "", "Use same checkpoint"], hr_prompt: [""] },
  ...{ hr_negative_prompt: [""], image_cfg_scale: [null, 1.5], initial_noise_multiplier: [null, 1] },
  ...{ latent_mask: [null, ""], infotext: [null, ""], save_images: [false] },
}

/**
 * The pictures of a request. Its files are kept, and nothing is drawn.
 *
 * @throws A1111Error that names the field; CoreError
 */
export async function planRequest(service: Service, { kind, fields }: Asked, options: OptionValues): Promise<Plan> {
  const { library } = service
  const notices = unfollowed(fields)
  if (fields.script_name !== null && fields.script_name !== "") {
    throw new A1111Error(422, `Script '${fields.script_name.slice(0, 80)}' not found: this server runs no scripts.`)
  }
  const start = kind === "img2img" ? firstOf(fields.init_images) : null
  const units = await readUnits(service, unitsOf(fields.alwayson_scripts), start)
  // Several pictures to start from are a batch.
  const several = kind === "img2img" ? (fields.init_images?.length ?? 0) : 0
  if (several > 1 && several > fields.batch_size) {
    throw new A1111Error(
      422,
      `bad number of images passed: ${several}; expecting ${fields.batch_size} or less. Raise batch_size.`,
    )
  }
  const count = (several > 1 ? several : fields.batch_size) * fields.n_iter
  if (!(Number.isSafeInteger(count) && fields.batch_size >= 1 && count >= 1 && count <= service.limits.pictures)) {
    throw new A1111Error(
      422,
      `batch_size × n_iter is ${fields.batch_size} × ${fields.n_iter}, expected 1 to ${service.limits.pictures} pictures. Ask for fewer, or raise --max_pictures.`,
    )
  }
  const noise = NOISES[options.randn_source]
  if (noise === undefined) {
    throw new A1111Error(422, `randn_source is ${JSON.stringify(options.randn_source)}, expected GPU, CPU or NV.`)
  }
  if (options.samples_format !== "png") notices.push(`Pictures are PNG files, and no ${options.samples_format}.`)
  if (options.eta_noise_seed_delta !== 0) notices.push("eta_noise_seed_delta is not followed.")
  const sampling = samplingOf(fields.sampler_name || fields.sampler_index, fields.scheduler)
  const { prompt, loras, embeddings } = await promptOf(library, fields)
  const model = await modelOf(library, options)
  const seed = fields.seed < 0 ? randomInt(RANDOM_SEEDS) : fields.seed
  const shared: Omit<RecipeInput, "seed" | "width" | "height" | "steps"> = {
    ...{ prompt, negativePrompt: fields.negative_prompt, guidanceScale: fields.cfg_scale, noise },
    ...{ model, loras, textualInversions: embeddings, adapters: units.adapters },
    ...sampling,
    samplerOptions: samplerOptions(sampling, fields),
    ...(options.emphasis === "No norm" ? { prompts: { normalization: "none" } } : {}),
  }
  const stages =
    kind === "txt2img"
      ? [{ recipe: textToImage(fields, units.actsInHires, notices), finish: null }]
      : await imageToImage(service, fields, notices)
  const recipes = Array.from({ length: count }, (_, i) => ({
    ...{ ...shared, ...stages[i % stages.length]?.recipe, seed: seed + i },
  })) as readonly RecipeInput[]
  const finish = stages.some((stage) => stage.finish !== null)
    ? async (drawn: RgbImage, recipe: number): Promise<RgbImage> =>
        (await stages[recipe % stages.length]?.finish?.(drawn)) ?? drawn
    : null
  return { recipes, notices: [...notices, ...units.notices], shown: units.shown, finish }
}

/** Fields with a value that is not followed. */
function unfollowed(fields: object): string[] {
  const names = Object.entries(fields).flatMap(([name, value]) => {
    const without = Object.hasOwn(UNFOLLOWED, name) ? UNFOLLOWED[name] : undefined
    const isEmpty = Array.isArray(value) && value.length === 0
    return without === undefined || without.includes(value) || isEmpty ? [] : [name]
  })
  return names.length === 0 ? [] : [`This is not followed: ${names.join(", ")}.`]
}

/** The units of ControlNet. @throws A1111Error for any other script */
function unitsOf(scripts: Readonly<Record<string, unknown>>): unknown {
  let units: unknown = []
  for (const [name, script] of Object.entries(scripts)) {
    if (name.toLowerCase() !== "controlnet") {
      throw new A1111Error(422, `always on script ${name.slice(0, 80)} not found: this server has controlnet alone.`)
    }
    units = typeof script === "object" && script !== null && "args" in script ? script.args : []
  }
  return units
}

function firstOf(list: readonly unknown[] | null): unknown {
  return list?.[0] ?? null
}

/** The prompt without its tags, with the LoRAs and the textual inversions that it names. @throws A1111Error */
async function promptOf(
  library: Library,
  fields: Txt2ImgFields | Img2ImgFields,
): Promise<{
  readonly prompt: string
  readonly loras: readonly LoraInput[]
  readonly embeddings: NonNullable<RecipeInput["textualInversions"]>
}> {
  const { prompt, loras } = takeLoraTags(fields.prompt)
  const known = loras.length === 0 ? [] : await library.list("lora")
  const inversions = await library.list("textual-inversion")
  const words = `${prompt}\n${fields.negative_prompt}`.toLowerCase()
  return {
    prompt,
    loras: fields.disable_extra_networks
      ? []
      : loras.map(({ name, ...strengths }) => {
          const file = findModel(known, name)
          if (file !== null) return { file: { path: file.name }, ...strengths }
          throw new A1111Error(
            422,
            `Couldn't find Lora with name ${name.slice(0, 80)}. GET /sdapi/v1/loras lists them.`,
          )
        }),
    embeddings: inversions.flatMap((file) => {
      const name = stemOf(file.name)
      return words.includes(name.toLowerCase()) ? [{ name, file: { path: file.name } }] : []
    }),
  }
}

/** The checkpoint and the VAE of the settings. @throws A1111Error */
async function modelOf(library: Library, options: OptionValues): Promise<RecipeInput["model"]> {
  const { sd_model_checkpoint: wanted, sd_vae: vae } = options
  const checkpoint = await checkpointName(library, wanted)
  if (checkpoint === null) {
    throw new A1111Error(404, `Model not found: ${wanted.slice(0, 200)}. GET /sdapi/v1/sd-models lists them.`)
  }
  if (vae === "Automatic" || vae === "None" || vae === "") return { checkpoint: { path: checkpoint } }
  const found = findModel(await library.list("vae"), vae)
  if (found === null) throw new A1111Error(404, `VAE not found: ${vae.slice(0, 200)}. GET /sdapi/v1/sd-vae lists them.`)
  return { checkpoint: { path: checkpoint }, vae: { path: found.name } }
}

/** A checkpoint of the settings by its name in lists. Null: there is none of that name. */
export async function checkpointName(library: Library, wanted: string): Promise<string | null> {
  if (wanted === TINY) return TINY
  const models = await library.list("checkpoint")
  if (wanted === "") return models[0]?.name ?? TINY
  return findModel(models, wanted)?.name ?? null
}

/** The name of a file without folders and ending. */
export function stemOf(name: string): string {
  return name.replace(/^.*\//, "").replace(/\.\w+$/, "")
}

type Stages = Pick<RecipeInput, "width" | "height" | "steps" | "start" | "hires">

/** Sizes are multiples of 8: A1111 leaves out what is over. */
function floorSide(side: number): number {
  return side - (side % 8)
}

function textToImage(fields: Txt2ImgFields, control: boolean, notices: string[]): Stages {
  const [width, height] = [floorSide(fields.width), floorSide(fields.height)]
  if (!fields.enable_hr) return { width, height, steps: fields.steps }
  const target = hiresTarget(fields)
  const upscaler = upscalerOf(fields.hr_upscaler ?? "Latent", notices)
  const second = fields.hr_second_pass_steps > 0 ? fields.hr_second_pass_steps : fields.steps
  const run = hiresRun(second, fields.denoising_strength ?? 0.75)
  const { hr_sampler_name: sampler, hr_scheduler: scheduler } = fields
  const isSame = (name: string | null): boolean => name === null || name === "" || /^use same/i.test(name)
  let sampling: NamedSampling | null = null
  if (!isSame(sampler) || !isSame(scheduler)) {
    const first = fields.sampler_name || fields.sampler_index
    sampling = samplingOf(
      isSame(sampler) ? first : (sampler ?? first),
      isSame(scheduler) ? fields.scheduler : scheduler,
    )
  }
  return {
    ...target,
    steps: run.steps,
    hires: {
      scale: Math.min(1, width / target.width),
      ...{ sides: { width, height }, steps: fields.steps, strength: run.strength, upscaler, control },
      // Both stages begin with the noise of the same seed.
      seedOffset: 0,
      ...(sampling === null ? {} : { sampling }),
    },
  }
}

/** The size of hires fix: by its sides, by one of them, or by the factor. */
function hiresTarget(fields: Txt2ImgFields): { readonly width: number; readonly height: number } {
  const { width, height, hr_resize_x: x, hr_resize_y: y, hr_scale: scale } = fields
  const [w, h] =
    x === 0 && y === 0
      ? [Math.trunc(width * scale), Math.trunc(height * scale)]
      : [x === 0 ? Math.trunc((y * width) / height) : x, y === 0 ? Math.trunc((x * height) / width) : y]
  const target = { width: floorSide(w), height: floorSide(h) }
  if (target.width >= floorSide(width)) return target
  throw new A1111Error(
    422,
    `hires fix would make ${target.width} × ${target.height} of ${width} × ${height}, expected a larger size.`,
  )
}

/** An upscaler by A1111's name. Those that need a network are replaced. */
export function upscalerOf(name: string, notices: string[]): NonNullable<HiresFix["upscaler"]> {
  if (name.startsWith("Latent")) return name.includes("bicubic") ? "latents-bicubic" : "latents-bilinear"
  if (name !== "Lanczos") notices.push(`Pictures are enlarged by Lanczos, and not by ${name.slice(0, 80)}.`)
  return "lanczos"
}

interface StartStage {
  readonly recipe: Stages
  readonly finish: ((drawn: RgbImage) => Promise<RgbImage>) | null
}

/** What the masked part starts as, by A1111's number. */
const MASKED: readonly MaskedContent[] = ["fill", "original", "noise", "nothing"]

/** One for each picture to start from. @throws A1111Error */
async function imageToImage(
  service: Service,
  fields: Img2ImgFields,
  notices: string[],
): Promise<readonly StartStage[]> {
  const { init_images: images, inpainting_fill: fill, resize_mode: resize } = fields
  const mask = fields.mask === "" ? null : fields.mask
  if (images === null || images.length === 0) throw new A1111Error(404, "Init image not found: init_images is empty.")
  if (images.length > service.limits.pictures) {
    throw new A1111Error(422, `init_images has ${images.length} pictures, expected at most ${service.limits.pictures}.`)
  }
  if (resize === 3) notices.push("resize_mode 3 (latent upscale) is not followed. The picture is stretched.")
  const maskedContent = MASKED[fill]
  if (mask !== null && maskedContent === undefined) {
    throw new A1111Error(422, `inpainting_fill is ${fill}, expected 0 (fill), 1 (original), 2 (noise) or 3 (nothing).`)
  }
  const sizes = { width: floorSide(fields.width), height: floorSide(fields.height) }
  const run = imageToImageRun(fields.steps, fields.denoising_strength)
  const stages: StartStage[] = []
  for (const [i, text] of images.entries()) {
    // Decoded twice, so that a job that waits holds no pixels.
    const plan = async (): Promise<ReturnType<typeof planInpainting>> => {
      const picture = await decodePicture(service, `init_images[${i}]`, pictureBytes(`init_images[${i}]`, text))
      const white = mask === null ? null : await decodeMask(service, "mask", pictureBytes("mask", mask))
      return planInpainting(picture, white, { ...fields, ...sizes })
    }
    const { image, mask: hard } = await plan()
    stages.push({
      recipe: {
        ...{ ...sizes, steps: run.steps },
        start: {
          image: await keepImage(service, image),
          mask: hard === null ? null : await keepImage(service, hard),
          ...(hard === null || maskedContent === undefined ? {} : { maskedContent }),
          strength: run.strength,
        },
      },
      finish: hard === null ? null : async (drawn) => (await plan()).finish(drawn),
    })
  }
  return stages
}

/** The adapters of a recipe that show their control pictures. */
export function shownAdapters({ recipes, shown }: Plan): readonly AdapterInput[] {
  return shown.flatMap((i) => recipes[0]?.adapters?.[i] ?? [])
}
