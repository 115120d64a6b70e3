import { readFileSync } from "node:fs"
import { createTokenizer } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import {
  type CaseResult,
  type ModuleReference,
  type PipelineReference,
  runModule,
  runPipeline,
  runTextVae,
  runUnet,
  type TextVaeReference,
  type UnetReference,
} from "@lllite/core/reference"
import { beforeAll, describe, expect, it } from "vitest"
import { openTensors, readDescription } from "../../core/test/reference-folder.ts"
import { startWasm } from "../../core/test/wasm.ts"
import { createWasmOps } from "../src/index.ts"

const failures = (results: readonly CaseResult[]): readonly CaseResult[] =>
  results.filter((result) => !("ok" in result && result.ok))

describe.each([
  ["composed", async (): Promise<Ops> => startWasm()],
  ["with the SIMD kernels", async (): Promise<Ops> => createWasmOps(await startWasm())],
] as const)("the reference's networks on WASM, %s", (_, start) => {
  let ops: Ops
  beforeAll(async () => {
    ops = await start()
  })

  it("are met by one adapter before one host, and by its gradients", async () => {
    const results = await runModule(readDescription<ModuleReference>("module"), await openTensors("module"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(88)
  })

  it("are met by the U-Net, every selection of sites, and six steps of training", async () => {
    const results = await runUnet(readDescription<UnetReference>("unet"), await openTensors("unet"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(152)
  })

  it("are met by both text encoders and the VAE", async () => {
    const results = await runTextVae(readDescription<TextVaeReference>("text-vae"), await openTensors("text-vae"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(7)
  })

  it("are met from prompt to picture", async () => {
    const merges = readFileSync(new URL("../../core/data/clip-merges.txt", import.meta.url), "utf8")
    const results = await runPipeline(
      readDescription<PipelineReference>("pipeline"),
      readDescription<UnetReference>("unet"),
      readDescription<TextVaeReference>("text-vae"),
      await openTensors("pipeline"),
      createTokenizer(merges),
      ops,
    )
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(14)
  })
})
