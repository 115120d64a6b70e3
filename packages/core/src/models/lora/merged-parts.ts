import type { FloatDtype } from "@lllite/format"
import { isReadableDtype, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { checkFile } from "../given.ts"
import type { SdxlFiles } from "../layouts/parts.ts"
import type { WeightFile } from "../weight-reader.ts"
import { type LoraBlocks, layerWeight } from "./block-weights.ts"
import { type LoraTensors, modulesOf, readModule, unusedNotice } from "./file-modules.ts"
import { mergedWeight } from "./module-delta.ts"
import type { LoraPart, LoraTarget } from "./targets.ts"
import { loraTargets } from "./targets.ts"

/** A LoRA's file, and how strongly it acts. */
export interface LoraUse {
  readonly file: WeightFile
  /** The factor on what it adds to the U-Net. Default: 1. */
  readonly strength?: number
  /** The factor on what it adds to both text encoders. Default: `strength`. */
  readonly textStrength?: number
  /** A factor for each block. Default: 1 everywhere. */
  readonly blocks?: LoraBlocks
}

/** The parts of an SDXL with LoRAs merged into them. */
export interface MergedParts {
  readonly files: SdxlFiles
  /** What of the LoRAs is not used, one sentence for each file. */
  readonly notices: readonly string[]
}

/** One LoRA's module at a weight. */
interface Merge {
  readonly label: string
  readonly target: LoraTarget
  readonly tensors: LoraTensors
  readonly strength: number
}

/**
 * An SDXL with LoRAs merged into its weights, in their order. The weights are computed when they are read, one at a
 * time, and have the dtype of the checkpoint. Weights of eight bits become F16, so that small changes are not lost.
 *
 * @throws CoreError for a LoRA that fits no layer of this SDXL, or whose strength is not finite
 */
export function mergeLoras(files: SdxlFiles, loras: readonly LoraUse[]): MergedParts {
  checkArgument("LoRA: the files of the SDXL", files, "an object")
  checkArgument("LoRA: the list", loras, "a list")
  for (const lora of loras) checkFile("LoRA", lora?.file)
  if (loras.length === 0) return { files, notices: [] }
  const targets = loraTargets(files)
  const merges = new Map<string, Merge[]>()
  const notices: string[] = []
  for (const lora of loras) {
    const { modules, unknown } = modulesOf(lora.file, targets)
    notices.push(...unusedNotice(lora.file, unknown))
    for (const [key, tensors] of modules) {
      const target = targets.get(key)
      if (target === undefined) continue
      const { strength = 1, textStrength = strength, blocks = {} } = lora
      const used = (target.part === "unet" ? strength : textStrength) * layerWeight(blocks, target.layer)
      if (!Number.isFinite(used)) {
        throw new CoreError("strength", `${lora.file.label}: strength is ${used}, expected a number`)
      }
      if (used === 0) continue
      const merge = { label: `${lora.file.label}: "${key}"`, target, tensors, strength: used }
      merges.set(target.weight, [...(merges.get(target.weight) ?? []), merge])
    }
  }
  const part = (name: LoraPart): WeightFile => mergedFile(files[name], merges)
  return { files: { ...files, unet: part("unet"), text1: part("text1"), text2: part("text2") }, notices }
}

function mergedFile(file: WeightFile, merges: ReadonlyMap<string, readonly Merge[]>): WeightFile {
  const entries = [...file.entries].map(([name, entry]): [string, WeightEntry] => {
    const own = merges.get(name)
    // Layers that are stacked need one dtype, so all weights of eight bits are widened.
    return [name, own === undefined ? widened(entry) : mergedEntry(entry, own)]
  })
  return { ...file, entries: new Map(entries) }
}

/** An entry of eight bits as F16, which holds its values exactly. */
function widened(entry: WeightEntry): WeightEntry {
  const { name, dtype, shape } = entry
  if (dtype !== "F8_E4M3" && dtype !== "F8_E5M2") return entry
  return { name, dtype: "F16", shape, read: async () => fromFloat32(toFloat32(await entry.read(), dtype), "F16") }
}

function mergedEntry(entry: WeightEntry, merges: readonly Merge[]): WeightEntry {
  const { name, dtype, shape } = entry
  if (!isReadableDtype(dtype)) {
    throw new CoreError(
      "checkpoint-dtype",
      `"${name}" is ${dtype}, to which no LoRA can be added. Use a checkpoint with plain weights.`,
    )
  }
  const to: FloatDtype = dtype === "F8_E4M3" || dtype === "F8_E5M2" ? "F16" : dtype
  return {
    name,
    dtype: to,
    shape,
    async read() {
      const values = toFloat32(await entry.read(), dtype)
      for (const { label, target, tensors, strength } of merges) {
        const { inDim, outDim, kernel, kind } = target.layer
        const from = target.firstRow * inDim
        const length = outDim * inDim * kernel ** 2
        const own = {
          shape: kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim],
          values: values.subarray(from, from + length),
        }
        values.set(await mergedWeight(label, own, await readModule(label, tensors), strength), from)
      }
      return fromFloat32(values, to)
    },
  }
}
