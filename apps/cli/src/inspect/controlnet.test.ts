import { openSafetensors, type SafetensorsFile } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { controlNetBytes, TINY_CONTROL_NET } from "../../../../packages/core/testing/controlnet-file.ts"
import { controlNetLines, describeControlNet } from "./controlnet.ts"

const open = (names: "diffusers" | "original", layout = TINY_CONTROL_NET): Promise<SafetensorsFile> =>
  openSafetensors(controlNetBytes({ name: "a", layout, names, dtype: "F16" }))

describe("inspecting a ControlNet", () => {
  it.each([
    ["diffusers", "those of diffusers"],
    ["original", "the original ones, as A1111 and ComfyUI write them"],
  ] as const)("shows %s names and the layout", async (names, text) => {
    expect(controlNetLines(describeControlNet(await open(names)))).toEqual([
      ["names", text],
      ["widths", "64 channels (SDXL has 320), context 40, transformer blocks 0, 1, 1, 1"],
    ])
  })

  it("lists the control types of a ControlNet Union", async () => {
    const union = { types: 6, width: 64, blocks: 1 }
    const file = await openSafetensors(controlNetBytes({ name: "a", layout: TINY_CONTROL_NET, union }))
    const report = describeControlNet(file)
    expect(report.refusals).toEqual([])
    expect(Object.fromEntries(controlNetLines(report))["control types"]).toMatch(/^openpose, depth, .*segment$/)
  })

  it("says what is missing, and what is not read", async () => {
    const { tensors, label } = await open("diffusers")
    const changed = new Map(tensors)
    changed.delete("conv_in.bias")
    changed.set("extra", { name: "extra", dtype: "F16", shape: [1], start: 0, end: 0 })
    const lines = controlNetLines(describeControlNet({ tensors: changed, label }))
    expect(lines.slice(2)).toEqual([
      ["lacks", '"conv_in.bias" [64] is missing'],
      ["not read", "extra"],
      ["not run", "it is not whole"],
    ])
  })

  it("says that one for Stable Diffusion 1 does not fit, with the way out", async () => {
    const { widths } = TINY_CONTROL_NET
    const file = await open("diffusers", { ...TINY_CONTROL_NET, widths: { ...widths, contextDim: 768 } })
    expect(controlNetLines(describeControlNet(file))).toEqual([
      [
        "not run",
        expect.stringMatching(/for Stable Diffusion 1\. It does not fit SDXL\. Find one of the same control/),
      ],
    ])
  })
})
