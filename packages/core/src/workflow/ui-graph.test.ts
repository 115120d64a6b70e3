import { describe, expect, it } from "vitest"
import type { UiNodeSketch } from "../../test/workflow.ts"
import { UI_SKETCH, uiWorkflow } from "../../test/workflow.ts"
import { readWorkflow } from "./read-workflow.ts"

const one = (changes: Readonly<Record<number, UiNodeSketch>> = {}) => {
  const { recipes } = readWorkflow(uiWorkflow({ ...UI_SKETCH, ...changes }))
  return recipes[0]
}
const sketch = (id: number): UiNodeSketch => UI_SKETCH[id] ?? { type: "Note" }

describe("a workflow in the UI form", () => {
  it("has its values in the order of its fields, without the one that changes the seed", () => {
    expect(one()).toMatchObject({ seed: "7", steps: 4, guidanceScale: 3, sampler: "euler", width: 128, height: 96 })
    const values = [7, 4, 3, "euler", "normal", 1]
    expect(one({ 3: { ...sketch(3), values } })).toMatchObject({ seed: "7", steps: 4 })
  })

  it("reads KSampler (Advanced)", () => {
    const advanced = { ...sketch(3), type: "KSamplerAdvanced" }
    const values = ["enable", 9, "fixed", 6, 2, "euler", "karras", 0, 10000, "disable"]
    expect(one({ 3: { ...advanced, values } })).toMatchObject({ seed: "9", steps: 6, spacing: "karras" })
  })

  it("reads links of fields over their values, through primitives", () => {
    const text = { ...sketch(6), inputs: { clip: [4, 1, "CLIP"], text: [20, 0, "STRING"] }, fields: ["text"] } as const
    const primitive = { type: "PrimitiveNode", outputs: ["STRING"], values: ["a blue cat", "fixed"] }
    expect(one({ 6: text, 20: primitive })?.prompt).toBe("a blue cat")
    const node = { type: "PrimitiveStringMultiline", outputs: ["STRING"], values: ["a green cat"] }
    expect(one({ 6: text, 20: node })?.prompt).toBe("a green cat")
    expect(one({ 6: text, 20: { ...primitive, mode: 2 } })?.prompt).toBe("a red star")
  })

  it("passes reroutes", () => {
    expect(
      one({
        3: { ...sketch(3), inputs: { ...sketch(3).inputs, model: [21, 0, "MODEL"] } },
        20: { type: "Reroute", inputs: { "": [4, 0, "*"] }, outputs: ["MODEL"] },
        21: { type: "Reroute", inputs: { "": [20, 0, "*"] }, outputs: ["MODEL"] },
      })?.model.checkpoint.path,
    ).toBe("sdxl.safetensors")
  })

  it("hands the input of the same type through a bypassed node, and leaves out a muted one", () => {
    const lora = (mode: number): Readonly<Record<number, UiNodeSketch>> => ({
      20: {
        ...{ type: "LoraLoader", mode, inputs: { model: [4, 0, "MODEL"], clip: [4, 1, "CLIP"] } },
        ...{ outputs: ["MODEL", "CLIP"], values: ["a.safetensors", 1, 1] },
      },
      3: { ...sketch(3), inputs: { ...sketch(3).inputs, model: [20, 0, "MODEL"] } },
      6: { ...sketch(6), inputs: { clip: [20, 1, "CLIP"] } },
      7: { ...sketch(7), inputs: { clip: [20, 1, "CLIP"] } },
    })
    expect(one(lora(0))?.model.loras).toHaveLength(1)
    expect(one(lora(4))?.model.loras).toEqual([])
    expect(() => one(lora(2))).toThrow("KSampler #3 has nothing that runs connected to model")
    const unknown = { ...lora(4), 20: { ...lora(4)[20], type: "NeverHeardOf" } }
    expect(one(unknown)?.model.loras).toEqual([])
  })

  it("makes no picture of a muted SaveImage, and passes over notes", () => {
    expect(() => one({ 11: { ...sketch(11), mode: 2 } })).toThrow("there is no SaveImage")
    expect(one({ 30: { type: "Note", values: ["hello"] }, 31: { type: "MarkdownNote", values: ["*"] } })).toBeDefined()
  })

  it("reads schema 1, whose links are objects", () => {
    const { nodes, links } = uiWorkflow(UI_SKETCH)
    const objects = links.map(([id, origin_id, origin_slot, target_id, target_slot, type]) => {
      return { id, origin_id, origin_slot, target_id, target_slot, type }
    })
    expect(readWorkflow({ version: 1, nodes, links: objects }).recipes[0]?.prompt).toBe("a red star")
  })

  it("runs what is inside of a subgraph, with what its instance gives", () => {
    const { 3: sampler, 8: decode, 6: text, ...outside } = UI_SKETCH
    const inside = uiWorkflow({
      6: {
        ...text,
        type: "CLIPTextEncode",
        inputs: { clip: [-10, 1, "CLIP"], text: [-10, 3, "STRING"] },
        fields: ["text"],
      },
      3: {
        ...sampler,
        type: "KSampler",
        inputs: {
          ...{ model: [-10, 0, "MODEL"], positive: [6, 0, "CONDITIONING"], negative: [-10, 2, "CONDITIONING"] },
          latent_image: [-10, 4, "LATENT"],
        },
      },
      [-20]: { type: "Border", inputs: { latent: [3, 0, "LATENT"] } },
    })
    const subgraph = {
      ...{ id: "f00d-1", name: "Draw", links: inside.links, nodes: inside.nodes.filter(({ id }) => id !== -20) },
      inputs: ["model", "clip", "negative", "text", "latent"].map((name) => ({ name, type: "*" })),
      outputs: [{ name: "latent", type: "LATENT" }],
      ...{ inputNode: { id: -10 }, outputNode: { id: -20 } },
    }
    const file = uiWorkflow({
      ...outside,
      50: {
        type: "f00d-1",
        inputs: {
          ...{ model: [4, 0, "MODEL"], clip: [4, 1, "CLIP"], negative: [7, 0, "CONDITIONING"], text: null },
          latent: [5, 0, "LATENT"],
        },
        ...{ fields: ["text"], values: ["a cat inside"], outputs: ["LATENT"] },
      },
      8: { ...decode, type: "VAEDecode", inputs: { samples: [50, 0, "LATENT"], vae: [4, 2, "VAE"] } },
    })
    const read = readWorkflow({ ...file, definitions: { subgraphs: [subgraph] } })
    expect(read.recipes).toMatchObject([{ prompt: "a cat inside", negativePrompt: "blurry", seed: "7" }])
    const plain = {
      ...file,
      nodes: file.nodes.map((node) => (node.id === 50 ? { ...node, widgets_values: [] } : node)),
    }
    expect(readWorkflow({ ...plain, definitions: { subgraphs: [subgraph] } }).recipes[0]?.prompt).toBe("a red star")
    const muted = { ...file, nodes: file.nodes.map((node) => (node.id === 50 ? { ...node, mode: 2 } : node)) }
    expect(() => readWorkflow({ ...muted, definitions: { subgraphs: [subgraph] } })).toThrow("VAEDecode #8 has nothing")
  })
})
