/* Workflows for tests, built here. */

/** A node of the API form. */
export interface ApiNode {
  readonly class_type: string
  readonly inputs: Readonly<Record<string, unknown>>
  readonly _meta?: { readonly title: string }
}

/** A workflow in the API form: text to picture with one LLLite of kohya's node. */
export const API_WORKFLOW: Readonly<Record<string, ApiNode>> = {
  4: { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sdxl.safetensors" } },
  5: { class_type: "EmptyLatentImage", inputs: { width: 128, height: 96, batch_size: 1 } },
  6: { class_type: "CLIPTextEncode", inputs: { clip: ["4", 1], text: "a red star" } },
  7: { class_type: "CLIPTextEncode", inputs: { clip: ["4", 1], text: "blurry" } },
  9: { class_type: "LoadImage", inputs: { image: "canny.png", upload: "image" } },
  10: {
    class_type: "LLLiteLoader",
    inputs: {
      ...{ model: ["4", 0], model_name: "canny.safetensors", cond_image: ["9", 0], strength: 0.8, steps: 0 },
      ...{ start_percent: 0, end_percent: 0 },
    },
  },
  3: {
    class_type: "KSampler",
    inputs: {
      ...{ model: ["10", 0], seed: 7, steps: 4, cfg: 3, sampler_name: "euler", scheduler: "normal", denoise: 1 },
      ...{ positive: ["6", 0], negative: ["7", 0], latent_image: ["5", 0] },
    },
  },
  8: { class_type: "VAEDecode", inputs: { samples: ["3", 0], vae: ["4", 2] } },
  11: { class_type: "SaveImage", inputs: { images: ["8", 0], filename_prefix: "out" } },
}

/** The workflow with other nodes, or other inputs of nodes. */
export function apiWorkflow(
  changes: Readonly<Record<string, { readonly class_type?: string; readonly inputs?: object }>> = {},
): Readonly<Record<string, ApiNode>> {
  const nodes: Record<string, ApiNode> = { ...API_WORKFLOW }
  for (const [id, { class_type, inputs }] of Object.entries(changes)) {
    const before = nodes[id]
    const type = class_type ?? before?.class_type ?? "Unknown"
    nodes[id] = { class_type: type, inputs: { ...(class_type === undefined ? before?.inputs : {}), ...inputs } }
  }
  return nodes
}

/** A node of the UI form: its links by input, and the values of its fields. */
export interface UiNodeSketch {
  readonly type: string
  readonly mode?: number
  /** Inputs in order: the node and the output of a link, or null. A third entry says that the input is a field. */
  readonly inputs?: Readonly<Record<string, readonly [node: number, slot: number, type: string] | null>>
  /** Inputs that are fields as well. */
  readonly fields?: readonly string[]
  readonly outputs?: readonly string[]
  readonly values?: readonly unknown[]
}

/** A graph of the UI form. */
export interface UiSketch {
  readonly nodes: readonly Readonly<Record<string, unknown>>[]
  readonly links: readonly (readonly unknown[])[]
}

/** A workflow in the UI form from a sketch of its nodes, by their numbers. */
export function uiWorkflow(sketch: Readonly<Record<number, UiNodeSketch>>): UiSketch {
  const links: (readonly unknown[])[] = []
  const nodes = Object.entries(sketch).map(([number, node]) => {
    const { type, mode = 0, inputs = {}, fields = [], outputs = [], values } = node
    return {
      ...{ id: Number(number), type, mode, pos: [0, 0], size: [200, 100], flags: {} },
      inputs: Object.entries(inputs).map(([name, from], toSlot) => {
        const widget = fields.includes(name) ? { widget: { name } } : {}
        if (from === null) return { name, type: "*", link: null, ...widget }
        const [origin, slot, kind] = from
        links.push([links.length + 1, origin, slot, Number(number), toSlot, kind])
        return { name, type: kind, link: links.length, ...widget }
      }),
      outputs: outputs.map((kind) => ({ name: kind, type: kind, links: [] })),
      ...(values === undefined ? {} : { widgets_values: values }),
    }
  })
  return { nodes, links }
}

const LOADER = ["MODEL", "CLIP", "VAE"]

/** Text to picture without a control, in the UI form. */
export const UI_SKETCH: Readonly<Record<number, UiNodeSketch>> = {
  4: { type: "CheckpointLoaderSimple", outputs: LOADER, values: ["sdxl.safetensors"] },
  5: { type: "EmptyLatentImage", outputs: ["LATENT"], values: [128, 96, 1] },
  6: { type: "CLIPTextEncode", inputs: { clip: [4, 1, "CLIP"] }, outputs: ["CONDITIONING"], values: ["a red star"] },
  7: { type: "CLIPTextEncode", inputs: { clip: [4, 1, "CLIP"] }, outputs: ["CONDITIONING"], values: ["blurry"] },
  3: {
    type: "KSampler",
    inputs: {
      ...{ model: [4, 0, "MODEL"], positive: [6, 0, "CONDITIONING"], negative: [7, 0, "CONDITIONING"] },
      latent_image: [5, 0, "LATENT"],
    },
    outputs: ["LATENT"],
    values: [7, "randomize", 4, 3, "euler", "normal", 1],
  },
  8: { type: "VAEDecode", inputs: { samples: [3, 0, "LATENT"], vae: [4, 2, "VAE"] }, outputs: ["IMAGE"] },
  11: { type: "SaveImage", inputs: { images: [8, 0, "IMAGE"] }, values: ["out"] },
}
