import { expect, it } from "vitest"
import type { RunPlan } from "./plan-run.ts"
import { planText } from "./plan-text.ts"

const GIB = 2 ** 30
const plan: RunPlan = {
  ...{ steps: 1600, perEpoch: 100, pictures: 200, batchSize: 2, sizes: ["1024x1024"], sites: 136, values: 22_969_600 },
  ...{ backend: "tensorflow", threads: 1, seconds: { encoding: 600, step: 30, steps: 48_000 } },
  memory: [
    { phase: "VAE", bytes: 9 * GIB },
    { phase: "training step", bytes: 12 * GIB },
  ],
  ...{ availableBytes: 16 * GIB, smaller: [], disk: { files: 4, states: 1, bytes: GIB, caches: 0 }, drawn: 0 },
  exchange: null,
}

it("says steps, time, memory and disk", () => {
  const text = planText(plan)
  expect(text).toContain("1,600 of 2 pictures, 16.0 epochs of 100 steps")
  expect(text).toContain("roughly 13:30:00: 10:00 of encoding, then 30 s a step on tensorflow")
  expect(text).toMatch(/training step +12\.0 GiB/)
  expect(text).toContain("It fits: 16.0 GiB available.")
  expect(text).toContain("1.0 GiB: 4 LLLites, 1 state")
})

it("says what caches take on the disk, and how many pictures are drawn", () => {
  expect(planText(plan)).not.toMatch(/captions in files|Drawn/)
  const text = planText({ ...plan, disk: { ...plan.disk, caches: 3 * GIB }, drawn: 24 })
  expect(text).toContain("and 3.0 GiB of latents and captions in files")
  expect(text).toContain("24 pictures of the run")
})

it("says what ranks exchange, if there are any", () => {
  expect(planText(plan)).not.toContain("Ranks")
  const exchange = { ranks: 3, received: GIB, sent: GIB / 2 }
  expect(planText({ ...plan, exchange })).toContain(
    "Ranks   each of 3 ranks gets 1.0 GiB a step and its pictures, and sends 512.0 MiB",
  )
  expect(planText({ ...plan, exchange: { ...exchange, ranks: 1 } })).toContain("Ranks   a rank gets 1.0 GiB")
})

it("says what takes less when a run does not fit", () => {
  const text = planText({
    ...{ ...plan, availableBytes: 8 * GIB },
    smaller: [{ change: "gradient_checkpointing", bytes: 7 * GIB }],
  })
  expect(text).toContain("It does not fit: 8.0 GiB available.")
  expect(text).toContain("With gradient_checkpointing: 7.0 GiB.")
  expect(text).toContain("--weights F16")
})
