import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type LoraReference, runLora } from "../reference/lora.ts"
import type { TextVaeReference } from "../reference/text-vae.ts"
import type { UnetReference } from "../reference/unet.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

describeWithReference("the reference's LoRAs", ["lora.json", "lora.safetensors", "unet.json", "text-vae.json"], () => {
  it("give the same states and latents, merged or live", async () => {
    const ops = await startWasm()
    const results = await runLora(
      readDescription<LoraReference>("lora"),
      readDescription<UnetReference>("unet"),
      readDescription<TextVaeReference>("text-vae"),
      await openTensors("lora"),
      ops,
      // The others run by `npm run reference`.
      { only: ["lora.conv.half", "lora.three", "lora.lllite", "lora.lllite.merged"] },
    )
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([])
    expect(results.filter((result) => "ok" in result).length).toBe(4 + 3 * 2 + 3 + 14)
  })
})
