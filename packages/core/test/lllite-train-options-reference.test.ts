import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { runTrainOptions, type TrainOptionsReference } from "../reference/lllite-train-options.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

const FILES = ["lllite-train-options.json", "lllite-train-options.safetensors"]

describeWithReference("the reference's training", FILES, () => {
  it("has the same losses, gradients and weights with dropout, accumulation, schedules and other noise", async () => {
    const reference = readDescription<TrainOptionsReference>("lllite-train-options")
    const results = await runTrainOptions(reference, await openTensors("lllite-train-options"), await startWasm())
    expect(results.filter((result) => !("ok" in result) || !result.ok)).toEqual([])
    expect(results).toHaveLength(199)
  })
})
