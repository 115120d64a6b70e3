import { beforeAll, expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type NoiseReference, runNoise } from "../reference/noise.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

describeWithReference("the reference's noise of training", ["noise.json", "noise.safetensors"], () => {
  beforeAll(startWasm)

  it("is the same with every option, and so are the chains of loss options", async () => {
    const results = await runNoise(readDescription<NoiseReference>("noise"), await openTensors("noise"))
    expect(results.filter((result) => !("ok" in result) || !result.ok)).toEqual([])
    expect(results).toHaveLength(158)
  })
})
