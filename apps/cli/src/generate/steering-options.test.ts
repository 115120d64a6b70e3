import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkGenerateOptions, planOf, readGenerateSettings } from "./settings.ts"
import { controlTypeAt } from "./steering-options.ts"

const two = {
  ...{ ckpt: "tiny", prompt: "a red star", outdir: "out" },
  ...{ control_net_lllite_models: ["a", "b"], guide_image_path: ["p", "q"] },
}
const read = async (more: Record<string, unknown>) => {
  const reader = readRecord(GENERATE_OPTIONS, { ...two, ...more })
  checkGenerateOptions(reader)
  const pictures = await planOf(reader, [{ text: "a red star", where: "--prompt" }])
  const [first] = readGenerateSettings(reader, pictures).pictures
  if (first === undefined) throw new Error("there is no picture")
  return first.recipe
}

describe("the options that steer LLLites", () => {
  it("have one value for each LLLite", async () => {
    const { adapters } = await read({
      lllite_starts: ["0.1", "0"],
      control_net_ratios: ["0.9", "1"],
      lllite_eases: ["0.2", "0"],
      lllite_curves: ["0:1, 50%:0.5,sigma2.5:-1e-1", "none"],
      lllite_blocks: ["none", "Input*=0.5, middle=2,input_4-5=0,output 1=1"],
      lllite_cond: ["1", "0.5"],
      lllite_masks: ["m.png", "none"],
      lllite_mask_feathers: ["16", "0"],
      lllite_holes: ["none", "hole.png"],
    })
    expect(adapters).toMatchObject([
      {
        window: { start: 0.1, end: 0.9, ease: 0.2 },
        curve: [
          { at: 0, strength: 1 },
          { at: 0.5, strength: 0.5 },
          { sigma: 2.5, strength: -0.1 },
        ],
        guidance: { cond: 1, uncond: 1 },
        mask: { file: { path: "m.png" }, feather: 16 },
      },
      {
        window: { start: 0, end: 1 },
        blocks: { "input *": 0.5, middle: 2, "input 4-5": 0, "output 1": 1 },
        guidance: { cond: 0.5, uncond: 1 },
        hole: { file: { path: "hole.png" } },
      },
    ])
    expect(Object.keys(adapters[0] ?? {})).not.toContain("hole")
    expect(Object.keys(adapters[0] ?? {})).not.toContain("blocks")
    expect(Object.keys(adapters[1] ?? {})).not.toContain("mask")
  })

  it("have one value for all LLLites", async () => {
    const { adapters } = await read({ lllite_uncond: ["0"], lllite_masks: ["m.png"] })
    for (const adapter of adapters) {
      expect(adapter).toMatchObject({ guidance: { cond: 1, uncond: 0 }, mask: { file: { path: "m.png" } } })
    }
  })

  it("follow a program in counting and order", async () => {
    expect(await read({})).toMatchObject({ combine: "chain", adapters: [{ window: { start: 0, end: 1 } }, {}] })
    expect((await read({})).adapters[0]?.window).toEqual({ start: 0, end: 1 })
    const sd = await read({ compat: "sd-scripts" })
    expect(sd).toMatchObject({ combine: "chain", prompts: { compat: "sd-scripts" } })
    expect(sd.adapters[1]?.window.by).toBe("sd-scripts")
    const comfy = await read({ compat: "comfyui" })
    expect(comfy).toMatchObject({ combine: "chain-comfyui", prompts: { compat: null } })
    expect(comfy.adapters[0]?.window.by).toBe("comfyui")
    expect(await read({ compat: "comfyui", lllite_combine: "sum" })).toMatchObject({ combine: "sum" })
  })

  it.each([
    [{ lllite_curves: ["0-1"] }, /--lllite_curves has "0-1", expected PLACE:STRENGTH/],
    [{ lllite_curves: ["120%:1"] }, /expected places from 0 to 1, or from 0% to 100%/],
    [{ lllite_curves: ["sigma5%:1"] }, /expected PLACE:STRENGTH/],
    [{ lllite_curves: ["0:1", "0:1000"] }, /has "0:1000", expected strengths: a number from -100 to 100/],
    [{ lllite_blocks: ["input9=1"] }, /has "input9=1", expected blocks of the U-Net: middle, input0 to input8/],
    [{ lllite_blocks: ["middle"] }, /has "middle", expected BLOCK=STRENGTH/],
    [{ lllite_blocks: ["middle=1,middle=0"] }, /expected each block once, and "middle" is there twice/],
    [{ lllite_blocks: ["input4-5=1,input5-6=0"] }, /expected one strength for block "input 5"/],
    [{ lllite_starts: ["0.1", "0.2", "0.3"] }, /--lllite_starts has 3 entries and --control_net_lllite_models 2/],
    [
      { lllite_starts: ["0.6"], control_net_ratios: ["1", "0.5"] },
      /--lllite_starts is 0.6 and --control_net_ratios 0.5/,
    ],
    [{ lllite_mask_feathers: ["4"] }, /--lllite_masks is missing/],
    [{ lllite_combine: "chained" }, /--lllite_combine is "chained", expected one of chain, chain-comfyui, sum/],
    [{ compat: "a1111" }, /--compat is "a1111", expected "sd-scripts" or "comfyui"/],
  ])("refuse %j", async (more, message) => {
    await expect(read(more)).rejects.toThrow(message)
  })
})

it("has a control type for each ControlNet Union, by name", () => {
  const reader = (types: readonly string[]) => readRecord(GENERATE_OPTIONS, { ...two, control_net_types: types })
  const { settings } = reader(["none", "depth"])
  expect([0, 1].map((i) => controlTypeAt(settings, i))).toEqual([undefined, "depth"])
  expect([0, 1].map((i) => controlTypeAt(reader(["scribble"]).settings, i))).toEqual(["scribble", "scribble"])
  expect(() => reader(["ink"]).finish()).toThrow(/control_net_types.*expected one of openpose, depth/s)
})
