import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, readPngText } from "@lllite/runtime-node"
import { expect, it } from "vitest"
import { SAMPLES, sampleName, sideBySide, writeSamples, writeWithout } from "./sample-files.ts"
import type { Sample } from "./sample-plan.ts"

const sample: Sample = {
  ...{ prompt: "a", negativePrompt: "", width: 64, height: 64, steps: 1, guidanceScale: 1, seed: 42, namesSeed: true },
  ...{ sampler: "ddim", control: blankImage(64, 64, [0, 0, 0]), controlPath: null },
}
const date = new Date(2026, 0, 2, 3, 4, 5)

it("names pictures as sd-scripts does", () => {
  const folder = { outputName: "canny" }
  expect(sampleName(folder, { step: 200 }, 3, sample, date)).toBe("canny_000200_03_20260102030405_42.png")
  expect(sampleName(folder, { epoch: 2 }, 0, { ...sample, namesSeed: false }, date)).toBe(
    "canny_e000002_00_20260102030405.png",
  )
  expect(sampleName(folder, "without", 0, sample, date)).toBe("canny_without_00_20260102030405_42.png")
})

it("puts pictures beside each other", () => {
  const row = sideBySide([blankImage(4, 2, [1, 2, 3]), blankImage(2, 3, [4, 5, 6])])
  expect([row.width, row.height]).toEqual([10, 3])
  expect([...row.data.subarray(0, 3)]).toEqual([1, 2, 3])
  expect([...row.data.subarray(8 * 3, 9 * 3)]).toEqual([4, 5, 6])
})

it("puts a workflow only into pictures whose LLLite ComfyUI can load", async () => {
  const outputDir = await mkdtemp(join(tmpdir(), "lllite-samples-"))
  const image = blankImage(64, 64, [1, 2, 3])
  const pictures = [{ sample, control: image, without: image, with: image }]
  const workflowOf = async (name: string): Promise<string | undefined> =>
    (await readPngText(join(outputDir, SAMPLES, name))).get("workflow")
  for (const isForComfyUi of [true, false]) {
    const folder = { outputDir, outputName: `a-${isForComfyUi}`, model: { checkpoint: "tiny" }, isForComfyUi }
    await writeSamples(folder, { step: 1 }, pictures, "a.safetensors", date)
    await writeWithout(folder, [[sample, image]], date)
    const workflow = await workflowOf(sampleName(folder, { step: 1 }, 0, sample, date))
    if (isForComfyUi) expect(workflow).toContain("a.safetensors")
    else expect(workflow).toBeUndefined()
    expect(await workflowOf(sampleName(folder, "without", 0, sample, date))).toBeDefined()
  }
  await rm(outputDir, { recursive: true })
})
