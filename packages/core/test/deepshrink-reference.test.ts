import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type DeepShrinkReference, runDeepShrink } from "../reference/deepshrink.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

describeWithReference("the reference's shrunken features", ["deepshrink.json", "deepshrink.safetensors"], () => {
  it("are the same with Deep Shrink, on odd sizes, and with LLLites on both", async () => {
    const ops = await startWasm()
    const reference = readDescription<DeepShrinkReference>("deepshrink")
    const results = await runDeepShrink(reference, await openTensors("deepshrink"), ops)
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([])
    const failing = reference.cases.filter(({ referenceFails }) => referenceFails !== undefined).length
    expect(results.length).toBe(2 * (reference.cases.length - failing) + failing)
  })
})
