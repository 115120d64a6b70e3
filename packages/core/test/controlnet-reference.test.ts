import * as tf from "@tensorflow/tfjs"
import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type ControlNetReference, runControlNet } from "../reference/controlnet.ts"
import type { UnetReference } from "../reference/unet.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

describeWithReference("the reference's ControlNets", ["controlnet.json", "controlnet.safetensors", "unet.json"], () => {
  it("agree in residuals, outputs and pipelines, beside an LLLite, too", async () => {
    const ops = await startWasm()
    const before = tf.memory().numTensors
    const results = await runControlNet(
      readDescription<ControlNetReference>("controlnet"),
      readDescription<UnetReference>("unet"),
      await openTensors("controlnet"),
      ops,
    )
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([])
    expect(results.filter((result) => "ok" in result)).toHaveLength(36)
    expect(tf.memory().numTensors).toBe(before)
  }, 120_000)
})
