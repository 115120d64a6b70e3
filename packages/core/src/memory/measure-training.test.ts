import { expect, it } from "vitest"
import type { Ops, WeightLoader } from "../ops/ops.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { measureTraining } from "./measure-training.ts"
import { sdxlOutline } from "./sdxl-outline.ts"

it("stops between two reads of a model, and frees what it has loaded", async () => {
  const reason = new Error("the reason of this abort")
  const controller = new AbortController()
  const counts = { reads: 0, loaded: 0, freed: 0 }
  const outline = await sdxlOutline("F16")
  const watched = (entry: WeightEntry): WeightEntry => ({
    ...entry,
    read: async () => {
      counts.reads++
      controller.abort(reason)
      return new Uint8Array()
    },
  })
  const file = { ...outline, entries: new Map([...outline.entries].map(([name, entry]) => [name, watched(entry)])) }
  const load = async (...entries: readonly (WeightEntry | null)[]): Promise<{ dispose(): void }> => {
    for (const entry of entries) await entry?.read()
    counts.loaded++
    return { dispose: () => void counts.freed++ }
  }
  const loader = { linear: load, conv2d: load, norm: load, table: load } as unknown as WeightLoader
  const files = { unet: file, vae: file, text1: file, text2: file }
  const task = { kind: "train", width: 64, height: 64, lllite: { condDim: 8, mlpDim: 8 } } as const
  const measured = measureTraining({ load: loader } as unknown as Ops, files, task, { signal: controller.signal })
  await expect(measured).rejects.toBe(reason)
  expect(counts.reads).toBeGreaterThan(0)
  // SDXL has 2,500 weights.
  expect(counts.reads).toBeLessThan(10)
  expect(counts.freed).toBe(counts.loaded)
})
