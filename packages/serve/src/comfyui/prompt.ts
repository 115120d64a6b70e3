import type { WorkflowPictures } from "@lllite/core/recipe"
import { readWorkflow } from "@lllite/core/recipe"
import { ServeError } from "../errors.ts"
import { checkMadeRecipes } from "../jobs/check-recipes.ts"
import type { Job, JobNote, ResultFile } from "../jobs/job.ts"
import type { Service } from "../service.ts"

/** What ComfyUI's API keeps with a job. */
export interface PromptNote extends JobNote {
  readonly api: "comfyui"
  /** The graph, as it came. */
  readonly prompt: unknown
  readonly extra: unknown
  readonly client: string | null
  /** The node in which each picture ends, and the beginning of its file's name. */
  readonly outputs: readonly string[]
  readonly prefixes: readonly string[]
  /** The node that is shown as the one that runs. */
  readonly sampler: string
}

/** A picture as ComfyUI's clients name it. */
export interface ShownImage {
  readonly filename: string
  readonly subfolder: ""
  readonly type: "output"
}

/**
 * Accepts a graph in the form of ComfyUI's API.
 *
 * @throws CoreError for a graph that cannot be followed; as `Service.generate`
 */
export async function acceptPrompt(service: Service, body: unknown): Promise<Job> {
  const { prompt, extra_data: extra = {}, client_id: client, front } = fieldsOf(body)
  if (fieldsOrNull(prompt) === null)
    throw new ServeError("body", 'the body has no "prompt", expected a graph of nodes.')
  const { recipes, outputs, prefixes } = await pictures(service, prompt)
  const nodes = Object.entries(fieldsOf(prompt))
  const sampler = nodes.find(([, node]) => /Sampler(Custom|Advanced|$)/.test(String(fieldsOrNull(node)?.class_type)))
  const note: PromptNote = {
    ...{ api: "comfyui", prompt, extra, outputs, sampler: sampler?.[0] ?? outputs[0] ?? "" },
    client: typeof client === "string" ? client : null,
    prefixes: prefixes.map((prefix) => (prefix ?? "").replaceAll(/[^\w-]+/g, "_").slice(0, 60)),
  }
  const input = { recipes: checkMadeRecipes(recipes, service.limits), previews: service.previews }
  return service.generate(input, note, front === true)
}

/** Whether a job came by ComfyUI's API. Other jobs are not in its lists. */
export function noteOf(job: Job): PromptNote | null {
  return job.note.api === "comfyui" ? (job.note as PromptNote) : null
}

/** The pictures of a job by the nodes in which they end. */
export function outputsOf(results: readonly ResultFile[], note: PromptNote): Readonly<Record<string, object>> {
  const images = new Map<string, ShownImage[]>()
  for (const { sha256, recipe = 0 } of results) {
    const node = note.outputs[recipe] ?? ""
    const filename = `${note.prefixes[recipe] || "lllite"}_${sha256}.png`
    images.set(node, [...(images.get(node) ?? []), { filename, subfolder: "", type: "output" }])
  }
  return Object.fromEntries([...images].map(([node, shown]) => [node, { images: shown }]))
}

/** The hash in the name of a picture. Null: it has none. */
export function hashOfName(filename: string): string | null {
  return /_([0-9a-f]{64})\.png$/.exec(filename)?.[1] ?? null
}

/** A job in the lists of the queue. */
export function queueEntry(job: Job, note: PromptNote): readonly unknown[] {
  const extra = { ...fieldsOrNull(note.extra), ...(note.client === null ? {} : { client_id: note.client }) }
  return [job.sequence, job.id, note.prompt, extra, [...new Set(note.outputs)]]
}

/** The fields of an object of JSON. None for any other value. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return fieldsOrNull(value) ?? {}
}

function fieldsOrNull(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null
}

interface Size {
  readonly width: number
  readonly height: number
}

/** The pictures of a graph, with the sizes of the pictures that it loads. */
async function pictures({ inputs, contents }: Service, prompt: unknown): Promise<WorkflowPictures> {
  const sizes = new Map<string, Size | null>()
  for (;;) {
    const wanted = new Set<string>()
    const sizeOf = (name: string): Size | null => {
      if (!sizes.has(name)) wanted.add(name)
      return sizes.get(name) ?? null
    }
    try {
      const read = readWorkflow({ prompt }, { sizeOf })
      if (wanted.size === 0) return read
    } catch (error) {
      if (wanted.size === 0) throw error
    }
    // Loaded on demand: it brings TensorFlow.js, which the server has no other use for.
    const { readImageSize } = await import("@lllite/runtime-node")
    for (const name of wanted) {
      const path = await contents.find(inputs.names.get(name) ?? "")
      sizes.set(name, path === null ? null : await readImageSize(path))
    }
  }
}
