import { readFile } from "node:fs/promises"
import type { RgbImage } from "@lllite/core/image"
import { controlPicture } from "@lllite/core/image"
import { a1111Text, createRecipe } from "@lllite/core/recipe"
import type { GenerateInput, Job, ResultFile } from "../jobs/job.ts"
import type { Service } from "../service.ts"
import { type Asked, type Plan, shownAdapters, stemOf } from "./plan.ts"
import { timestamp } from "./progress.ts"

/** The answer to a request for pictures. */
export interface PicturesAnswer {
  /** PNG files in Base64. */
  readonly images: readonly string[]
  readonly parameters: object
  /** JSON. */
  readonly info: string
}

interface AnswerParts {
  readonly plan: Plan
  readonly asked: Asked
  readonly job: Job
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
  /** The estimate of an interrupted picture. */
  readonly preview: Uint8Array | null
  readonly version: string
}

/** The answer of A1111's API: the drawn pictures, then the control pictures that were made, and what was asked. */
export async function answerOf(service: Service, parts: AnswerParts): Promise<PicturesAnswer> {
  const { plan, asked, job, preview } = parts
  const { fields } = asked
  const drawn: string[] = []
  if (fields.send_images) {
    for (const result of job.results) drawn.push(await pictureOf(service, plan, result))
    if (job.state === "cancelled" && preview !== null) drawn.push(base64(preview))
    if (job.state === "done") drawn.push(...(await controlPictures(service, plan)))
  }
  const hidden = asked.kind === "img2img" && !asked.fields.include_init_images ? { init_images: null, mask: null } : {}
  return { images: drawn, parameters: { ...fields, ...hidden }, info: JSON.stringify(infoOf(parts)) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64")
}

async function pictureOf({ contents }: Service, { finish }: Plan, { sha256, recipe = 0 }: ResultFile): Promise<string> {
  const path = await contents.find(sha256)
  if (path === null) return ""
  const bytes = await readFile(path)
  if (finish === null) return base64(bytes)
  const { decodePngText, encodePng, readImage } = await import("@lllite/runtime-node")
  return base64(encodePng(await finish(await readImage(bytes), recipe), decodePngText(bytes)))
}

/** The control pictures that preprocessors made, as the extension appends them. */
async function controlPictures({ contents }: Service, plan: Plan): Promise<readonly string[]> {
  const [size] = plan.recipes
  const made: string[] = []
  for (const { control } of shownAdapters(plan)) {
    const path = await contents.find(control?.file.sha256 ?? "")
    if (control == null || path === null || size === undefined) continue
    const { encodePng, readImage } = await import("@lllite/runtime-node")
    const image: RgbImage = controlPicture(await readImage(path), size, control)
    made.push(base64(encodePng(image)))
  }
  return made
}

/** What A1111 says of the pictures, in `Processed.js`. */
function infoOf({ asked: { fields }, job, notices, version }: AnswerParts): object {
  const recipes = (job.input as GenerateInput).recipes.map((recipe) => createRecipe(recipe))
  const [first] = recipes
  const seeds = recipes.map(({ seed }) => Number(seed))
  const { prompt, negative_prompt: negative } = fields
  const texts = recipes.map((recipe) => a1111Text(recipe))
  return {
    ...{ prompt, all_prompts: recipes.map(() => prompt) },
    ...{ negative_prompt: negative, all_negative_prompts: recipes.map(() => negative) },
    ...{ seed: seeds[0], all_seeds: seeds, subseed: fields.subseed, all_subseeds: seeds.map(() => fields.subseed) },
    ...{ subseed_strength: 0, width: fields.width, height: fields.height },
    ...{ sampler_name: fields.sampler_name || fields.sampler_index, cfg_scale: fields.cfg_scale, steps: fields.steps },
    ...{ batch_size: fields.batch_size, restore_faces: false, face_restoration_model: null },
    ...{ sd_model_name: stemOf(first?.model.checkpoint.path ?? ""), sd_model_hash: null },
    ...{ sd_vae_name: first?.model.vae?.path ?? null, sd_vae_hash: null },
    ...{ seed_resize_from_w: -1, seed_resize_from_h: -1, denoising_strength: fields.denoising_strength },
    ...{ extra_generation_params: {}, index_of_first_image: 0, infotexts: texts, styles: [] },
    ...{ job_timestamp: timestamp(Date.parse(job.started ?? job.created)), clip_skip: 1 },
    ...{ is_using_inpainting_conditioning: false, version: `lllite ${version}` },
    // Ours: what of the request was not followed, and the job at /v1/jobs.
    lllite: { job: job.id, state: job.state, notices },
  }
}
