import { readFileSync } from "node:fs"
import "@tensorflow/tfjs"
import { describe, expect, it } from "vitest"
import { describeWithReference } from "../../format/test/reference.ts"
import { type BucketsReference, runBuckets } from "../reference/buckets.ts"
import { type CannyReference, runCanny } from "../reference/canny.ts"
import { type CaptionsReference, runCaptions } from "../reference/captions.ts"
import type { CaseResult } from "../reference/case.ts"
import { type DiffusionReference, runDiffusion } from "../reference/diffusion.ts"
import { type RngReference, runRng } from "../reference/rng.ts"
import { runSamplerGroup, type SamplersReference } from "../reference/sampler-group.ts"
import { runTokens, type TokensReference } from "../reference/tokens.ts"
import { createTokenizer } from "../src/models/clip/tokenizer.ts"
import { openTensors, readDescription } from "./reference-folder.ts"

const failures = (results: readonly CaseResult[]): readonly CaseResult[] =>
  results.filter((result) => "ok" in result && !result.ok)
const skipped = (results: readonly CaseResult[]): readonly string[] =>
  results.filter((result) => "skipped" in result).map((result) => result.case)
const compared = (results: readonly CaseResult[]): number => results.length - skipped(results).length

describe("the reference's numbers", () => {
  it("agree with the tokenizer on every prompt", () => {
    const merges = readFileSync(new URL("../data/clip-merges.txt", import.meta.url), "utf8")
    const results = runTokens(readDescription<TokensReference>("tokens"), createTokenizer(merges))
    expect(failures(results)).toEqual([])
    expect(skipped(results)).toEqual([])
    expect(compared(results)).toBe(67)
  })

  it("agree with the buckets on every picture", () => {
    const results = runBuckets(readDescription<BucketsReference>("buckets"))
    expect(failures(results)).toEqual([])
    expect(compared(results)).toBe(10)
  })

  it("agree with Canny, bit for bit", () => {
    const results = runCanny(readDescription<CannyReference>("canny"))
    expect(failures(results)).toEqual([])
    expect(skipped(results)).toEqual([])
    expect(compared(results)).toBe(16)
  })

  it("agree with schedule, samplers, losses, embeddings and learning rates", async () => {
    const results = await runDiffusion(readDescription<DiffusionReference>("diffusion"), await openTensors("diffusion"))
    expect(failures(results)).toEqual([])
    expect(skipped(results).map((name) => name.replace(/\.\d+$/, ""))).toEqual([])
    expect(compared(results)).toBe(179)
  })
})

describeWithReference("the reference's numbers", ["samplers.json", "samplers.safetensors"], () => {
  it("agree with diffusers' samplers, k-diffusion's functions and levels, and the rescaling of guidance", async () => {
    const results = await runSamplerGroup(readDescription<SamplersReference>("samplers"), await openTensors("samplers"))
    expect(failures(results)).toEqual([])
    expect(skipped(results)).toEqual([])
    expect(compared(results)).toBe(510)
  })
})

describeWithReference("the reference's numbers", ["rng.json", "rng.safetensors"], () => {
  it("agree with the random numbers of PyTorch, NumPy and Python", async () => {
    const results = await runRng(readDescription<RngReference>("rng"), await openTensors("rng"))
    expect(failures(results)).toEqual([])
    expect(compared(results)).toBe(309)
  })
})

describeWithReference("the reference's numbers", ["captions.json"], () => {
  it("agree with captions under every rule, the order of batches, and caption files", () => {
    const results = runCaptions(readDescription<CaptionsReference>("captions"))
    expect(failures(results)).toEqual([])
    expect(compared(results)).toBe(69 * 15 + 6 + 8)
  })
})
