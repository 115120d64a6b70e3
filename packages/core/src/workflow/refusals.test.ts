import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { API_WORKFLOW, apiWorkflow, UI_SKETCH, uiWorkflow } from "../../test/workflow.ts"
import { CoreError } from "../errors.ts"
import { createRecipe } from "../recipe/read-recipe.ts"
import { parseWorkflow } from "./parse.ts"
import { readWorkflow } from "./read-workflow.ts"

describe("a workflow that cannot be followed", () => {
  it("is refused with all unknown nodes at once, and with the way out", () => {
    const graph = apiWorkflow({
      6: { class_type: "BLIPCaption", inputs: { image: ["12", 0] } },
      10: { class_type: "FreeU_V2", inputs: { model: ["4", 0] } },
      12: { class_type: "ImageRemoveBackground", inputs: { image: ["9", 0] } },
    })
    expect(() => readWorkflow(graph)).toThrow(
      /there are nodes that are not supported: FreeU_V2 #10 \(it changes features of the U-Net\), BLIPCaption #6, ImageRemoveBackground #12\. Bypass what the picture can do without/,
    )
  })

  it.each([
    [{ 3: { inputs: { model: ["99", 0] } } }, "KSampler #3 reads model from node 99, which is not there"],
    [{ 3: { inputs: { model: ["4", 7] } } }, "KSampler #3 reads output 7 of CheckpointLoaderSimple #4, which has 3"],
    [{ 3: { inputs: { model: ["4", 1] } } }, "KSampler #3 reads CLIP as model, expected MODEL"],
    [{ 3: { inputs: { model: "x" } } }, "KSampler #3 has nothing that runs connected to model, expected MODEL"],
    [{ 3: { inputs: { steps: 0 } } }, "KSampler #3 has 0 as steps, expected a whole number from 1 to 10000"],
    [{ 3: { inputs: { seed: -1 } } }, "KSampler #3 has -1 as seed, expected a whole number from 0 to 2^64 - 1"],
    [{ 3: { inputs: { sampler_name: "er_sde" } } }, 'there is no sampler of ComfyUI "er_sde"'],
    [{ 3: { inputs: { scheduler: "bta" } } }, 'there is no scheduler of ComfyUI "bta". Did you mean "beta"?'],
    [{ 3: { inputs: { denoise: 0.5 } } }, "KSampler #3 runs a part of its steps on empty latents"],
    [{ 10: { inputs: { model: ["10", 0] } } }, "LLLiteLoader #10 reads its own output"],
    [{ 4: { class_type: "CheckpointLoaderSimple", inputs: {} } }, "CheckpointLoaderSimple #4 has no ckpt_name"],
    [{ 8: { inputs: { samples: ["5", 0] } } }, "a picture is decoded from latents that no sampler has made"],
    [{ 11: { class_type: "Note", inputs: {} } }, "There is no SaveImage or PreviewImage"],
    [{ 11: { inputs: { images: ["9", 0] } } }, "no picture that it saves is made by a sampler"],
  ])("is refused: %j", (changes, message) => {
    expect(() => readWorkflow(apiWorkflow(changes))).toThrow(message)
  })

  it("tells several problems at once", () => {
    const graph = apiWorkflow({
      3: { inputs: { sampler_name: "x", denoise: 0.5 } },
      9: { class_type: "Odd", inputs: {} },
    })
    expect(() => readWorkflow(graph)).toThrow(/not supported: Odd #9/)
    const known = apiWorkflow({ 3: { inputs: { sampler_name: "x", denoise: 0.5 } } })
    expect(() => readWorkflow(known)).toThrow(/part of its steps.*no sampler of ComfyUI "x"/)
  })

  it.each([
    [null, "expected an object"],
    [[], "expected an object"],
    [{}, "it has no nodes"],
    [{ a: 1 }, "it has no nodes"],
    [{ nodes: [{ id: 1 }] }, "a node has no id or no type"],
    [
      {
        nodes: [
          { id: 1, type: "A" },
          { id: 1, type: "B" },
        ],
      },
      "two nodes have the number 1",
    ],
    [{ 1: { class_type: "A" }, 2: { inputs: {} } }, 'node "2" has no class_type'],
  ])("is refused: %j", (json, message) => {
    expect(() => readWorkflow(json)).toThrow(message)
  })

  it("is refused with more nodes than a workflow of ComfyUI has", () => {
    const nodes = Array.from({ length: 5000 }, (_, id) => ({ id, type: "Note" }))
    expect(() => readWorkflow({ nodes })).toThrow("it has 5000 nodes")
  })

  it("is refused where reroutes run in a circle, and where a chain is too long for the stack", () => {
    const circle = {
      20: { type: "Reroute", inputs: { "": [21, 0, "IMAGE"] as const }, outputs: ["IMAGE"] },
      21: { type: "Reroute", inputs: { "": [20, 0, "IMAGE"] as const }, outputs: ["IMAGE"] },
      11: { type: "SaveImage", inputs: { images: [20, 0, "IMAGE"] as const } },
    }
    expect(() => readWorkflow(uiWorkflow({ ...UI_SKETCH, ...circle }))).toThrow("Do they run in a circle?")
    const chain = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [
        100 + i,
        {
          class_type: "LoraLoaderModelOnly",
          inputs: { model: i === 0 ? ["4", 0] : [String(99 + i), 0], lora_name: "a" },
        },
      ]),
    )
    expect(() => readWorkflow(apiWorkflow({ ...chain, 3: { inputs: { model: ["1099", 0] } } }))).toThrow(
      "follows after more than 400 nodes",
    )
  })

  it("is refused where a subgraph contains itself", () => {
    const inside = { id: 1, type: "S", mode: 0, inputs: [], outputs: [{ name: "x", type: "IMAGE" }] }
    const subgraph = {
      id: "S",
      ...{ nodes: [inside], inputs: [], outputs: [] },
      links: [{ id: 1, origin_id: 1, origin_slot: 0, target_id: -20, target_slot: 0 }],
    }
    const file = uiWorkflow({
      1: { type: "S", outputs: ["IMAGE"] },
      2: { type: "SaveImage", inputs: { images: [1, 0, "IMAGE"] } },
    })
    expect(() => readWorkflow({ ...file, definitions: { subgraphs: [subgraph] } })).toThrow(/subgraph/)
  })

  it("is a CoreError whatever the JSON is", () => {
    const link = fc.oneof(fc.tuple(fc.constantFrom(...Object.keys(API_WORKFLOW), "99"), fc.nat(3)), fc.jsonValue())
    const inputs = fc.record({
      ...Object.fromEntries(["model", "clip", "image", "images", "text", "strength"].map((name) => [name, link])),
    })
    const changed = fc.dictionary(
      fc.constantFrom(...Object.keys(API_WORKFLOW)),
      fc.record({ class_type: fc.constantFrom("KSampler", "LoraLoader", "ImageScale", "Canny", "toString"), inputs }),
      { maxKeys: 4 },
    )
    const broken = fc
      .tuple(changed, fc.subarray(Object.keys(API_WORKFLOW)))
      .map(([nodes, gone]) =>
        Object.fromEntries(Object.entries({ ...API_WORKFLOW, ...nodes }).filter(([id]) => !gone.includes(id))),
      )
    const ui = fc.record({
      nodes: fc.array(
        fc.record({
          id: fc.nat(9),
          type: fc.constantFrom("Reroute", "KSampler", "SaveImage", "S"),
          mode: fc.constantFrom(0, 2, 4),
          inputs: fc.array(
            fc.record({
              name: fc.constantFrom("images", "model"),
              type: fc.constantFrom("IMAGE", "*"),
              link: fc.nat(9),
            }),
          ),
          widgets_values: fc.jsonValue(),
        }),
      ),
      links: fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(2), fc.nat(9), fc.nat(2))),
      definitions: fc.jsonValue(),
    })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), broken, ui), (json) => {
        try {
          for (const recipe of readWorkflow(json).recipes) createRecipe(recipe)
        } catch (error) {
          expect(error).toBeInstanceOf(CoreError)
        }
      }),
      { numRuns: 300 },
    )
  })

  it("is refused where it is not JSON", () => {
    expect(() => parseWorkflow("{")).toThrow("workflow: it is not JSON, line 1, column 2: the text ends too early.")
    expect(() => parseWorkflow('\uFEFF{"a": NaN,\n "b": [-Infinity, 12345678901234567890, }')).toThrow(
      "workflow: it is not JSON, line 2, column 41: a comma before }. Remove the comma.",
    )
    expect(() => parseWorkflow(`{"a": ${"[".repeat(100_000)}`)).toThrow("workflow: it is not JSON")
  })
})
