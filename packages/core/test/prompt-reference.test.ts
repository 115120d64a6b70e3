import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type PromptReference, runPrompt } from "../reference/prompt.ts"
import type { TextVaeReference } from "../reference/text-vae.ts"
import { createTokenizer } from "../src/models/clip/tokenizer.ts"
import { openTensors, readDescription } from "./reference-folder.ts"
import { startWasm } from "./wasm.ts"

describeWithReference("the reference's prompts", ["prompt.json", "prompt.safetensors", "text-vae.json"], () => {
  it("have the same runs, chunks, weights and states", async () => {
    const ops = await startWasm()
    const merges = readFileSync(new URL("../data/clip-merges.txt", import.meta.url), "utf8")
    const results = await runPrompt(
      readDescription<PromptReference>("prompt"),
      readDescription<TextVaeReference>("text-vae"),
      await openTensors("prompt"),
      createTokenizer(merges),
      ops,
    )
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([])
    expect(results.length).toBe(41 + 3 * 69 + 5 * 27 + 5 * 11 + 9 * 7)
  })
})
