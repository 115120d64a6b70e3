import "@tensorflow/tfjs"
import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { runStart, type StartReference } from "../reference/start.ts"
import { openTensors, readDescription } from "./reference-folder.ts"

describeWithReference("the reference's starts", ["start.json", "start.safetensors"], () => {
  it("are the same from pictures, with masks, in two stages and with latents that grow", async () => {
    const results = await runStart(readDescription<StartReference>("start"), await openTensors("start"))
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([])
    expect(results.filter((result) => "ok" in result).length).toBe(183)
  })
})
