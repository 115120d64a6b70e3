import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type PreprocessReference, runPreprocess } from "../reference/preprocess.ts"
import { openTensors, readDescription } from "./reference-folder.ts"

describeWithReference("the reference's numbers", ["preprocess.json", "preprocess.safetensors"], () => {
  it("agree with the preprocessors, byte for byte", async () => {
    const reference = readDescription<PreprocessReference>("preprocess")
    const results = await runPreprocess(reference, await openTensors("preprocess"))
    expect(results.filter((result) => !("ok" in result) || !result.ok)).toEqual([])
    expect(results.length).toBe(82)
  })
})
