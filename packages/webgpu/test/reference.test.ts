import { readFileSync } from "node:fs"
import { createComposedOps, createTokenizer, type Ops } from "@lllite/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { CaseResult } from "../../core/src/reference/case.ts"
import { type ModuleReference, runModule } from "../../core/src/reference/module.ts"
import { type PipelineReference, runPipeline } from "../../core/src/reference/pipeline.ts"
import { runTextVae, type TextVaeReference } from "../../core/src/reference/text-vae.ts"
import { runUnet, type UnetReference } from "../../core/src/reference/unet.ts"
import { hasReference, openTensors, readDescription } from "../../core/test/reference-folder.ts"
import { createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { openGpu } from "./open-gpu.ts"

const { hasAdapter, architecture, start } = await openGpu("lavapipe", "swiftshader")

/** Networks many times over: on SwiftShader they take many minutes, so that LLLITE_WHOLE=1 asks for them there. */
const isWhole = process.env.LLLITE_WHOLE === "1" || architecture !== "swiftshader"

const failures = (results: readonly CaseResult[]): readonly CaseResult[] =>
  results.filter((result) => !("ok" in result && result.ok))

describe.skipIf(!hasReference || !hasAdapter)("the reference's networks on WebGPU", () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    ops = createWebgpuOps(createComposedOps())
  })
  afterAll(() => webgpu.dispose())

  it("are met by one adapter before one host, and by its gradients", async () => {
    const results = await runModule(readDescription<ModuleReference>("module"), await openTensors("module"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(88)
  })

  it("are met by both text encoders and the VAE", async () => {
    const results = await runTextVae(readDescription<TextVaeReference>("text-vae"), await openTensors("text-vae"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(7)
  })

  it("are met to within 1e-2 by both text encoders and the VAE with weights of float16", async () => {
    const half = createWebgpuOps(createComposedOps(), { weights: "f16" })
    const results = await runTextVae(readDescription<TextVaeReference>("text-vae"), await openTensors("text-vae"), half)
    const errors = results.map((result) => ("maxRelError" in result ? result.maxRelError : Number.NaN))
    expect(errors).toHaveLength(7)
    for (const error of errors) expect(error).toBeLessThan(1e-2)
    // Rounding the weights is seen.
    expect(Math.max(...errors)).toBeGreaterThan(1e-4)
  })

  it.runIf(isWhole)("are met by the U-Net, every selection of sites, and six steps of training", async () => {
    const results = await runUnet(readDescription<UnetReference>("unet"), await openTensors("unet"), ops)
    expect(failures(results)).toEqual([])
    expect(results).toHaveLength(152)
  })

  it.runIf(isWhole)("are met from prompt to picture", async () => {
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
