import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type OptimizersReference, runOptimizers } from "../reference/optimizers.ts"
import { openTensors, readDescription } from "./reference-folder.ts"

describeWithReference("the reference's optimisers", ["optimizers.json", "optimizers.safetensors"], () => {
  it("take the same steps, and keep the same states", async () => {
    const reference = readDescription<OptimizersReference>("optimizers")
    const results = await runOptimizers(reference, await openTensors("optimizers"))
    expect(results.filter((result) => !("ok" in result) || !result.ok)).toEqual([])
    expect(Object.keys(reference.runs)).toHaveLength(40)
    expect(results).toHaveLength(470)
  })
})
