import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { beginTraining } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { InputError } from "@lllite/runtime-node"
import { expect, it } from "vitest"
import { saveAtFault, stopAtFault } from "./reading-fault.ts"
import type { TrainingSet } from "./validation/hold-out.ts"

const gone = new InputError("file", 'cannot read "a.png": there is no such file.')

function setOf(read: () => Promise<never>): TrainingSet {
  return {
    ...{ count: 1, pictures: 1, batchSize: 1, sizes: [{ width: 8, height: 8 }], notices: [], heldOut: null },
    ...{ augmentations: "", groups: [], captionRules: [], changingCaptions: 0 },
    example: read,
    latents: { has: async () => true, read, write: async () => {} },
  }
}

it("stops the run at the first example that cannot be read", async () => {
  for (const name of ["example", "latents"] as const) {
    const { dataset, signal, fault } = stopAtFault(
      setOf(() => Promise.reject(gone)),
      new AbortController().signal,
    )
    expect([signal.aborted, fault()]).toEqual([false, null])
    await expect(name === "example" ? dataset.example(0) : dataset.latents?.read(0, false)).rejects.toBe(gone)
    expect([signal.aborted, fault()]).toEqual([true, gone])
  }
})

it("stops the run at the user's signal, which is not a fault", () => {
  const user = new AbortController()
  const { signal, fault } = stopAtFault(
    setOf(() => Promise.reject(gone)),
    user.signal,
  )
  user.abort()
  expect([signal.aborted, fault()]).toEqual([true, null])
})

it("saves the last state, and still fails", async () => {
  const sites = enumerateSites(SDXL_LAYOUT).slice(0, 1)
  const model = createLllite(sites, { condDim: 2, mlpDim: 2 }, createStream(1, "init"))
  const runAt = (step: number) => ({ state: { ...beginTraining(model), step }, steps: 9, first: 2 })
  const saved: number[] = []
  const save = async ({ step }: { readonly step: number }): Promise<string> => {
    saved.push(step)
    return "out/last.safetensors"
  }
  await expect(saveAtFault(gone, runAt(4), save)).rejects.toMatchObject({
    code: "file",
    message:
      'cannot read "a.png": there is no such file. The training ended after 4 of 9 steps. Its LLLite is saved as "out/last.safetensors".',
  })
  await expect(saveAtFault(gone, runAt(2), save)).rejects.toBe(gone)
  expect(saved).toEqual([4])
  const full = (): Promise<string> => Promise.reject(new Error("the disk is full."))
  await expect(saveAtFault(gone, runAt(4), full)).rejects.toThrow("could not be saved: the disk is full.")
})
