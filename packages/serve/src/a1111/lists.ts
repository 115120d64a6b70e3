import { SAMPLERS, WEBUI_SAMPLER_NAMES, WEBUI_SCHEDULE_NAMES, webuiSampling } from "@lllite/core/names"
import { type Library, namesOf } from "../files/library.ts"
import { checkDepth } from "../json-body.ts"
import type { Headers } from "./headers.ts"
import { stemOf } from "./plan.ts"
import { AUTOMATIC } from "./sampling.ts"

/* What A1111's API lists. Files are named as in requests: the folders of the server stay its own. */

export function samplerList(): readonly object[] {
  return WEBUI_SAMPLER_NAMES.map((name) => {
    const { sampler, samplerOptions } = webuiSampling(name, AUTOMATIC)
    const alias = `k_${name.toLowerCase().replaceAll("+", "p").replaceAll(" ", "_")}`
    return { name, aliases: [alias], options: { ...SAMPLERS[sampler].options, ...samplerOptions } }
  })
}

export function schedulerList(): readonly object[] {
  return [AUTOMATIC, ...WEBUI_SCHEDULE_NAMES].map((label) => ({
    ...{ name: label.toLowerCase().replaceAll(" ", "_"), label, aliases: null, default_rho: -1 },
    need_inner_model: false,
  }))
}

export async function checkpointList(library: Library): Promise<readonly object[]> {
  return (await namesOf(library, "checkpoint")).map((name) => ({
    ...{ title: name, model_name: stemOf(name), hash: null, sha256: null, filename: name, config: null },
  }))
}

export async function vaeList(library: Library): Promise<readonly object[]> {
  return (await namesOf(library, "vae")).map((name) => ({ model_name: name, filename: name }))
}

/** The LoRAs, with the metadata that trainers write. */
export async function loraList(library: Library, headers: Headers): Promise<readonly object[]> {
  const models = await library.list("lora")
  return Promise.all(
    models.map(async ({ name, path }) => {
      const metadata = (await headers.of(path))?.metadata ?? new Map<string, string>()
      const stem = stemOf(name)
      const read = [...metadata].map(([key, value]) => [key, valueOfText(value)] as const)
      return {
        name: stem,
        alias: metadata.get("ss_output_name") ?? stem,
        path: name,
        metadata: Object.fromEntries(read),
      }
    }),
  )
}

/** A1111 reads objects in the metadata, such as the tags of a data set. */
function valueOfText(text: string): unknown {
  if (!text.startsWith("{")) return text
  try {
    checkDepth(text)
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The keys of both text encoders' vectors in a textual inversion for SDXL. */
const VECTORS = ["clip_l", "clip_g"]

/** The textual inversions: those for SDXL are `loaded`, and all others `skipped`. */
export async function embeddingList(library: Library, headers: Headers): Promise<object> {
  const [loaded, skipped]: [Record<string, object>, Record<string, object>] = [{}, {}]
  for (const { name, path } of await library.list("textual-inversion")) {
    const tensors = [...((await headers.of(path))?.tensors.values() ?? [])]
    const own = tensors.filter((tensor) => VECTORS.includes(tensor.name))
    const read = own.length === VECTORS.length ? own : tensors.slice(0, 1)
    const shape = read.reduce((width, tensor) => width + (tensor.shape.at(-1) ?? 0), 0)
    const vectors = (read[0]?.shape.length ?? 0) > 1 ? (read[0]?.shape[0] ?? 0) : read.length
    const about = { step: null, sd_checkpoint: null, sd_checkpoint_name: null, shape, vectors }
    const place = own.length === VECTORS.length ? loaded : skipped
    place[stemOf(name)] = about
  }
  return { loaded, skipped }
}

export function upscalerList(): readonly object[] {
  const none = { model_name: null, model_path: null, model_url: null }
  return [
    { name: "None", ...none, scale: 1 },
    { name: "Lanczos", ...none, scale: 4 },
  ]
}

/** A1111's names of the ways to enlarge latents. */
export const LATENT_UPSCALERS = ["Latent", "Latent (bicubic)"] as const
