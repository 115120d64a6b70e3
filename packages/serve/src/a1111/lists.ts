import { SAMPLERS, WEBUI_SAMPLER_NAMES, WEBUI_SCHEDULE_NAMES, webuiSampling } from "@lllite/core/names"
import { type Library, namesOf } from "../files/library.ts"
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

export async function loraList(library: Library): Promise<readonly object[]> {
  return (await namesOf(library, "lora")).map((name) => ({
    ...{ name: stemOf(name), alias: stemOf(name), path: name, metadata: {} },
  }))
}

/** The textual inversions. Their sizes are read when they are used. */
export async function embeddingList(library: Library): Promise<object> {
  const about = { step: null, sd_checkpoint: null, sd_checkpoint_name: null, shape: 2048, vectors: 1 }
  const names = await namesOf(library, "textual-inversion")
  return { loaded: Object.fromEntries(names.map((name) => [stemOf(name), about])), skipped: {} }
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
