import { expect, it } from "vitest"
import { factNotices, runFacts } from "./run-facts.ts"

const settings = { seed: 1, model: { checkpoint: "models/sdxl.safetensors" }, validation: { seed: 1 } } as Parameters<
  typeof runFacts
>[0]
const dataset = {
  sizes: [{ width: 64, height: 64 }],
  batchSize: 2,
  groups: [{ examples: 1, holdOut: null }],
  augmentations: "none",
  captionRules: [{}],
}
const constant = { steps: 4, perEpoch: 1, lr: { curve: "constant" } } as const

it("names what differs between two runs, and nothing else", () => {
  const before = runFacts(settings, dataset, constant)
  expect(factNotices(before, runFacts(settings, dataset, { ...constant, steps: 9 }))).toEqual([])
  const moved = { ...settings, model: { checkpoint: "elsewhere/sdxl.safetensors" } }
  expect(factNotices(before, runFacts(moved, dataset, constant))).toEqual([])
  const names = (...now: Parameters<typeof runFacts>): readonly string[] =>
    factNotices(before, runFacts(...now)).map((text) => /another ([^:]+):/.exec(text)?.[1] ?? text)
  expect(names({ ...settings, seed: 2n ** 60n }, dataset, constant)).toEqual(["seed"])
  expect(names({ ...settings, model: { checkpoint: "other.safetensors" } }, dataset, constant)).toEqual(["checkpoint"])
  expect(names(settings, { ...dataset, sizes: [{ width: 64, height: 96 }] }, constant)).toEqual(["list of pictures"])
  expect(names(settings, { ...dataset, sizes: [{ width: 64, height: 64, batchSize: 1 }] }, constant)).toEqual([
    "list of pictures",
  ])
  const heldOut = { ...dataset, groups: [{ examples: 1, holdOut: { share: 0.5, seed: null } }] }
  expect(names(settings, heldOut, constant)).toEqual(["choice of held-out pairs"])
  expect(names(settings, { ...dataset, augmentations: "flip" }, constant)).toEqual(["augmentation"])
  expect(names(settings, { ...dataset, captionRules: [{ shuffle: true }] }, constant)).toEqual([
    "choice of options for captions",
  ])
  expect(names(settings, { ...dataset, batchSize: 3 }, constant)).toEqual(["train_batch_size"])
  const rate = { learningRate: 0.1, lr: { curve: "cosine" } } as const
  const changed = { ...constant, lr: rate.lr }
  expect(names({ ...settings, ...rate }, dataset, changed)).toEqual([
    ...["learning_rate", "schedule of the learning rate (lr_scheduler)"],
  ])
  expect(
    factNotices(runFacts(settings, dataset, changed), runFacts(settings, dataset, { ...changed, steps: 9 })),
  ).toEqual(["The run before had another number of steps: 4. It goes on with 9, and not as if it had never stopped."])
})

it("depends on the length of the run where captions warm up over a share of it", () => {
  const warming = { ...dataset, captionRules: [{ warmupSteps: 0.1 }] }
  const before = runFacts(settings, warming, constant)
  expect(factNotices(before, runFacts(settings, warming, { ...constant, steps: 9 }))).toEqual([
    expect.stringContaining("another number of steps: 4"),
  ])
})
