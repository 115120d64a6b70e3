import { describe, expect, it } from "vitest"
import { apiWorkflow } from "../../test/workflow.ts"
import type { AdapterInput } from "../recipe/recipe.ts"
import { readWorkflow } from "./read-workflow.ts"

type Nodes = Parameters<typeof apiWorkflow>[0]

/** The graph with Advanced-ControlNet, whose apply node has these inputs. */
function read(applied: object, nodes: Nodes = {}, batch = 1) {
  const graph = apiWorkflow({
    ...{
      5: { inputs: { batch_size: batch } },
      20: { class_type: "ACN_ControlNetLoaderAdvanced", inputs: { cnet: "a" } },
    },
    21: {
      class_type: "ACN_AdvancedControlNetApply_v2",
      inputs: {
        ...{ positive: ["6", 0], negative: ["7", 0], control_net: ["20", 0], image: ["9", 0], strength: 0.5 },
        ...{ start_percent: 0, end_percent: 1, ...applied },
      },
    },
    3: { inputs: { model: ["4", 0], positive: ["21", 0], negative: ["21", 1] } },
    ...nodes,
  })
  const { recipes, notices } = readWorkflow(graph)
  const said = notices.filter((notice) => !notice.includes("leads to no picture"))
  return { adapters: recipes.map(({ adapters }) => adapters?.[0]), all: recipes[0]?.adapters ?? [], notices: said }
}

/** A use of the control for all of the run. */
const ALWAYS = {
  ...{ file: { path: "a" }, control: { file: { path: "canny.png" }, fit: "stretch" }, strength: 0.5 },
  window: { start: 0, end: 1 },
}

/** A curve with a jump in the middle of the run. */
const jump = (before: number, after: number) => [
  { at: 0, strength: before },
  { at: 0.5, strength: before },
  { at: 0.5, strength: after },
]

const keyframe = (inputs: object) => ({ class_type: "TimestepKeyframe", inputs })

describe("keyframes of Advanced-ControlNet", () => {
  it("become a curve with a jump at each keyframe", () => {
    const { adapters, notices } = read(
      { timestep_kf: ["31", 0] },
      {
        30: keyframe({ start_percent: 0.6, strength: 0.2 }),
        31: keyframe({ start_percent: 0.25, strength: 0.8, prev_timestep_kf: ["30", 0] }),
      },
    )
    expect(notices).toEqual([])
    expect(adapters[0]).toMatchObject({ strength: 0.5, window: { start: 0, end: 1 } })
    expect(adapters[0]?.curve).toEqual([
      { at: 0, strength: 1 },
      { at: 0.25, strength: 1 },
      { at: 0.25, strength: 0.8 },
      { at: 0.6, strength: 0.8 },
      { at: 0.6, strength: 0.2 },
    ])
  })

  it("at the start replace the default, so that one strength stays", () => {
    const { adapters } = read({ timestep_kf: ["30", 0] }, { 30: keyframe({ start_percent: 0, strength: 0.8 }) })
    expect(adapters[0]).toMatchObject({ strength: 0.4 })
    expect(adapters[0]?.curve).toBeUndefined()
  })

  it("run from one strength to another", () => {
    const { adapters } = read(
      { timestep_kf: ["30", 0] },
      {
        30: {
          class_type: "ACN_TimestepKeyframeInterpolation",
          inputs: { strength_start: 1, strength_end: 0, intervals: 3, interpolation: "ease-in" },
        },
      },
    )
    expect(adapters[0]?.curve).toEqual([
      { at: 0, strength: 1 },
      { at: 0.5, strength: 1 },
      { at: 0.5, strength: 0.75 },
      { at: 1, strength: 0.75 },
      { at: 1, strength: 0 },
    ])
  })

  it("give the pictures of a batch their own strengths", () => {
    const latents = {
      30: { class_type: "LatentKeyframeGroup", inputs: { index_strengths: "0=0.5, 1:3=0.25" } },
      31: { class_type: "LatentKeyframe", inputs: { batch_index: -1, strength: 2, prev_latent_kf: ["30", 0] } },
    }
    const { adapters } = read({ latent_kf_override: ["31", 0] }, latents, 4)
    expect(adapters.map((adapter) => adapter?.strength)).toEqual([0.25, 0.125, 0.125, 1])
    const timed = { class_type: "LatentKeyframeTiming", inputs: { batch_index_to_excl: 2, strength_to: 0.5 } }
    const inKeyframe = { 30: timed, 31: keyframe({ latent_keyframe: ["30", 0], null_latent_kf_strength: 0.1 }) }
    const others = read({ timestep_kf: ["31", 0] }, inKeyframe, 3)
    expect(others.adapters.map((adapter) => adapter?.strength)).toEqual([0.5, 0.25, 0.05])
  })

  it("weigh the side of the negative prompt, also from the loader", () => {
    const weights = {
      class_type: "ACN_ScaledSoftControlNetWeights",
      inputs: { base_multiplier: 1, uncond_multiplier: 0.25 },
    }
    const loader = { class_type: "ACN_ControlNetLoaderAdvanced", inputs: { cnet: "a", _tk_opt: ["30", 1] } }
    const expected = { strength: 0.5, guidance: { cond: 1, uncond: 0.25 } }
    expect(read({ weights_override: ["30", 0] }, { 30: weights }).adapters[0]).toMatchObject(expected)
    expect(read({}, { 20: loader, 30: weights }).adapters[0]).toMatchObject(expected)
    const late = { 30: weights, 31: keyframe({ start_percent: 0.5, cn_weights: ["30", 0] }) }
    // Other factors are other uses of the control, of which one acts at a step.
    expect(read({ timestep_kf: ["31", 0] }, late).all).toEqual([
      { ...ALWAYS, curve: jump(1, 0) },
      { ...ALWAYS, guidance: { cond: 1, uncond: 0.25 }, curve: jump(0, 1) },
    ])
  })

  it("have masks, which stay until a keyframe has another one or inherits nothing", () => {
    const mask = (image: string) => ({ class_type: "LoadImageMask", inputs: { image, channel: "red" } })
    const at = (start_percent: number, inputs: object) => keyframe({ start_percent, ...inputs })
    const nodes = {
      ...{ 40: mask("left.png"), 41: mask("right.png") },
      30: at(0, { mask_optional: ["40", 0] }),
      31: at(0.25, { prev_timestep_kf: ["30", 0] }),
      32: at(0.5, { mask_optional: ["41", 0], prev_timestep_kf: ["31", 0] }),
      33: at(0.75, { inherit_missing: false, strength: 0.5, prev_timestep_kf: ["32", 0] }),
    }
    const { all } = read({ timestep_kf: ["33", 0] }, nodes)
    const strengthAt = (curve: AdapterInput["curve"], progress: number): number =>
      (curve ?? []).findLast((point) => "at" in point && point.at <= progress)?.strength ?? Number.NaN
    expect(all.map(({ mask: own }) => own?.file.path)).toEqual(["left.png", "right.png", undefined])
    const strengths = all.map(({ curve }) => [0.1, 0.3, 0.6, 0.8].map((progress) => strengthAt(curve, progress)))
    expect(strengths).toEqual([
      [1, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 0.5],
    ])
    expect(() => read({ timestep_kf: ["30", 0], mask_optional: ["41", 0] }, nodes)).toThrow(
      "with a mask of its own and one of a keyframe",
    )
  })

  it("keep a control whose window has equal ends, and the edge of a mask as it is", () => {
    const nodes = { 40: { class_type: "LoadImageMask", inputs: { image: "left.png", channel: "red" } } }
    const { all, notices } = read({ start_percent: 0.5, end_percent: 0.5, mask_optional: ["40", 0] }, nodes)
    expect(all).toEqual([
      {
        ...ALWAYS,
        window: { start: 0.5, end: 0.5 },
        mask: { file: { path: "left.png" }, feather: 0 },
      },
    ])
    expect(notices).toEqual([])
  })

  it("and sides act on a ControlNet, too", () => {
    const nets = { 20: { class_type: "ControlNetLoader", inputs: { control_net_name: "net.safetensors" } } }
    const nodes = {
      ...nets,
      30: keyframe({ start_percent: 0, mask_optional: ["40", 0] }),
      40: { class_type: "LoadImageMask", inputs: { image: "left.png", channel: "red" } },
      3: { inputs: { model: ["4", 0], positive: ["21", 0], negative: ["7", 0] } },
    }
    expect(read({ timestep_kf: ["30", 0] }, nodes).all).toMatchObject([
      { kind: "controlnet", guidance: { cond: 1, uncond: 0 }, mask: { file: { path: "left.png" } } },
    ])
  })

  it("are refused by name, or said, where they cannot be followed", () => {
    const list = { class_type: "ACN_TimestepKeyframeFromStrengthList", inputs: {} }
    expect(() => read({ timestep_kf: ["30", 0] }, { 30: list })).toThrow(
      "ACN_TimestepKeyframeFromStrengthList #30 (it takes a list of another node",
    )
    const wrong = { class_type: "LatentKeyframeGroup", inputs: { index_strengths: "0=0.5, x" } }
    expect(() => read({ latent_kf_override: ["30", 0] }, { 30: wrong })).toThrow('has "x" in index_strengths')
    const many = { class_type: "LatentKeyframeGroup", inputs: { index_strengths: "0:4096=1, 4096=1" } }
    expect(() => read({ latent_kf_override: ["30", 0] }, { 30: many })).toThrow(
      "names more than 4096 pictures in index_strengths",
    )
    const long = { 30: keyframe({ start_percent: 0.5, strength: 0, guarantee_steps: 3 }) }
    expect(read({ timestep_kf: ["30", 0] }, long).notices).toEqual([
      "TimestepKeyframe #30 stays for at least 3 steps in ComfyUI, and here until the next keyframe begins.",
    ])
  })
})
