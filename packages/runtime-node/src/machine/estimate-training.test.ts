import type { MemoryPlan, MemoryTask } from "@lllite/core/memory"
import { sdxlOutline } from "@lllite/core/memory"
import { partsOf, type SdxlFiles } from "@lllite/core/models"
import { expect, it } from "vitest"
import { startBackend } from "../backends/start.ts"
import { estimateTraining } from "./estimate-training.ts"
import { planTaskMemory } from "./task-memory.ts"

/** SDXL with a tenth of the U-Net's channels, as names and shapes. Its transformers are as deep. */
async function narrowSdxl(): Promise<SdxlFiles> {
  const { label, entries } = await sdxlOutline("F32")
  // The context is 768 + 128 wide, and pooled text 128.
  const named = new Map([
    [2048, 896],
    [2816, 1664],
  ])
  const narrow = (length: number): number => named.get(length) ?? (length % 320 === 0 ? length / 10 : length)
  const narrowed = [...entries].map(([name, entry]) => [name, { ...entry, shape: entry.shape.map(narrow) }] as const)
  const file = { label, entries: new Map(narrowed) }
  return partsOf({ unet: file, vae: file, text1: file, text2: file })
}

it("estimates a step without the model's weights, and a larger one from two small ones", async () => {
  const { ops, device } = await startBackend("wasm")
  const files = await narrowSdxl()
  const place = { backend: "wasm", device, threads: 1, weights: "file" } as const
  const planOf = (side: number): Promise<MemoryPlan> => {
    const task: MemoryTask = { kind: "train", width: side, height: side, lllite: { condDim: 16, mlpDim: 16 } }
    return planTaskMemory(files, place, task)
  }
  const [small, large] = [await planOf(64), await planOf(512)]
  const ofSmall = await estimateTraining(ops, files, place, small, {})
  expect(ofSmall.step).toBeGreaterThan(0)
  expect(ofSmall.text).toBeGreaterThan(0)
  expect(ofSmall.picture).toBeGreaterThan(0)
  // It has 64 times the pixels. Single ops take a share of each step that does not grow.
  const ofLarge = await estimateTraining(ops, files, place, large, {})
  expect(ofLarge.step).toBeGreaterThan(ofSmall.step)
})
