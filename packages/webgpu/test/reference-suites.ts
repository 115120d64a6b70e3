import { readFileSync } from "node:fs"
import { createTokenizer } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import {
  type CaseResult,
  type DiffusionReference,
  type ModuleReference,
  type PipelineReference,
  runDiffusion,
  runModule,
  runPipeline,
  runTextVae,
  runUnet,
  type TextVaeReference,
  type UnetReference,
} from "@lllite/core/reference"
import { openTensors, readDescription } from "../../core/test/reference-folder.ts"

/** A suite of the reference that computes on a device. */
export interface ReferenceSuite {
  readonly what: string
  /** The number of compared cases. */
  readonly count: number
  run(ops: Ops): Promise<readonly CaseResult[]>
}

export const MODULE: ReferenceSuite = {
  what: "one adapter before one host, and its gradients",
  count: 88,
  run: async (ops) => runModule(readDescription<ModuleReference>("module"), await openTensors("module"), ops),
}

export const DIFFUSION: ReferenceSuite = {
  what: "samplers and noise schedules",
  count: 179,
  run: async () => runDiffusion(readDescription<DiffusionReference>("diffusion"), await openTensors("diffusion")),
}

export const TEXT_VAE: ReferenceSuite = {
  what: "both text encoders and the VAE",
  count: 7,
  run: async (ops) => runTextVae(readDescription<TextVaeReference>("text-vae"), await openTensors("text-vae"), ops),
}

export const UNET: ReferenceSuite = {
  what: "the U-Net, every selection of sites, and six steps of training",
  count: 152,
  run: async (ops) => runUnet(readDescription<UnetReference>("unet"), await openTensors("unet"), ops),
}

/** Cases of {@link UNET} by name, and its selections of sites. */
export function unetCases(...names: readonly string[]): ReferenceSuite {
  const reference = readDescription<UnetReference>("unet")
  const cases = Object.fromEntries(Object.entries(reference.cases).filter(([name]) => names.includes(name)))
  return {
    what: names.join(", "),
    count: names.length + Object.keys(reference.selections).length,
    run: async (ops) => runUnet({ ...reference, cases }, await openTensors("unet"), ops),
  }
}

export const PIPELINE: ReferenceSuite = {
  what: "everything from prompt to picture",
  count: 14,
  run: async (ops) =>
    runPipeline(
      readDescription<PipelineReference>("pipeline"),
      readDescription<UnetReference>("unet"),
      readDescription<TextVaeReference>("text-vae"),
      await openTensors("pipeline"),
      createTokenizer(readFileSync(new URL("../../core/data/clip-merges.txt", import.meta.url), "utf8")),
      ops,
    ),
}

type ComparedCase = Extract<CaseResult, { readonly ok: boolean }>

/** Runs a suite. Cases that this implementation does not have are left out. */
export async function compared({ run }: ReferenceSuite, ops: Ops): Promise<readonly ComparedCase[]> {
  return (await run(ops)).filter((result) => "ok" in result)
}

/** The number of cases, and the worst of outputs and of the norms of sites, as text for a log. */
export function worstResults(results: readonly CaseResult[]): string {
  const cases = results.filter((result) => "ok" in result)
  const worst = (of: readonly ComparedCase[]): string => {
    // What has to be equal has no tolerance, and is equal.
    const share = ({ maxRelError, tolerance }: ComparedCase): number =>
      maxRelError === 0 ? 0 : maxRelError / tolerance
    const [most] = [...of].sort((one, other) => share(other) - share(one))
    return most === undefined ? "none" : `${most.maxRelError.toExponential(1)} of ${most.tolerance} (${most.case})`
  }
  const isNorm = (each: ComparedCase): boolean => each.case.endsWith(", norm")
  const outputs = worst(cases.filter((each) => !isNorm(each)))
  return `${cases.length} cases, outputs ${outputs}, norms of sites ${worst(cases.filter(isNorm))}`
}
