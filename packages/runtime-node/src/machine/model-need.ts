import type { MemoryPlan, MemoryTask } from "@lllite/core/memory"
import { chooseVaeParts, planMemory, sdxlOutline } from "@lllite/core/memory"
import type { SdxlFiles, WeightFile } from "@lllite/core/models"
import { inferVaeConfig, partsOf } from "@lllite/core/models"
import { openSdxl, TINY } from "../files/open-sdxl.ts"
import { footprintOf, type ModelPlace } from "../footprint.ts"
import { type VaePlace, vaeRoom } from "../vae-room.ts"

/** Memory that a task needs on a backend, weights included. */
export interface TaskNeed {
  readonly bytes: number
  /** Bytes of the largest tensor. */
  readonly tensorBytes: number
}

/** Memory that a model needs on a backend. */
export interface ModelNeed {
  readonly model: "tiny" | "SDXL"
  /** Width of the weights on the backend: as in the file, or widened. */
  readonly weights: "16 bits" | "32 bits"
  readonly weightBytes: number
  /** Side in pixels of the picture that the plan is for. */
  readonly side: number
  /** Generating a guided picture with an LLLite. */
  readonly generate: TaskNeed
  /** A training step with one pair and gradient checkpointing. */
  readonly train: TaskNeed
  /** The largest tried side whose tensors the device takes. Null if it takes none of them. */
  readonly fittingSide: number | null
}

/** SDXL's usual side in pixels, and smaller ones for devices with less memory. */
const SIDES = [1024, 768, 512, 256] as const
const TINY_SIDE = 128

/** Usual widths of an LLLite. */
const LLLITE = { condDim: 32, mlpDim: 64 } as const

/**
 * Memory that the known models need on a backend, by core's plan. A backend must be running, with the gradients of
 * TensorFlow.js. No other computation may run meanwhile.
 */
export async function modelNeeds(
  place: Omit<ModelPlace, "weights"> & Omit<VaePlace, "threads">,
): Promise<readonly ModelNeed[]> {
  const tiny = await openSdxl({ checkpoint: TINY })
  await tiny.close()
  const needs = [await needOf("tiny", tiny.files, [TINY_SIDE], place)]
  // WASM widens every weight.
  const isWide = place.backend === "wasm" || place.backend === "cpu"
  const sdxl = await needOf("SDXL", await sdxlOutline("F16"), SIDES, place)
  return [...needs, sdxl, ...(isWide ? [] : [await widened(sdxl, place)])]
}

type NeedPlace = Parameters<typeof modelNeeds>[0]

async function needOf(
  model: ModelNeed["model"],
  files: WeightFile | SdxlFiles,
  sides: readonly [number, ...number[]],
  place: NeedPlace,
): Promise<ModelNeed> {
  const footprint = footprintOf({ ...place, weights: "file" })
  const vae = inferVaeConfig(partsOf(files).vae)
  const plan = async (kind: MemoryTask["kind"], side: number): Promise<MemoryPlan> => {
    const picture = { width: side, height: side }
    const parts = await chooseVaeParts(vae, picture, vaeRoom({ ...place, threads: 1 }, picture), footprint)
    return planMemory(files, { kind, ...picture, lllite: LLLITE, ...parts }, footprint)
  }
  const [side] = sides
  const [generate, train] = [await plan("generate", side), await plan("train", side)]
  const limit = place.maxTensorBytes ?? Number.POSITIVE_INFINITY
  let fittingSide: number | null = null
  for (const smaller of sides) {
    // A guided picture has larger tensors than a training step.
    const { largestTensorBytes } = smaller === side ? generate : await plan("generate", smaller)
    if (largestTensorBytes > limit) continue
    fittingSide = smaller
    break
  }
  const isWide = footprint.weightBytes("F16") === 4
  return {
    ...{ model, weights: isWide ? "32 bits" : "16 bits", weightBytes: generate.weightBytes, side, fittingSide },
    generate: { bytes: generate.peakBytes, tensorBytes: generate.largestTensorBytes },
    train: { bytes: train.peakBytes, tensorBytes: train.largestTensorBytes },
  }
}

/** The same need with weights of 32 bits. Only the weights' memory changes. */
async function widened(need: ModelNeed, place: NeedPlace): Promise<ModelNeed> {
  const task: MemoryTask = { kind: "generate", width: 32, height: 32, guided: false, lllite: null }
  const { weightBytes } = await planMemory(await sdxlOutline("F32"), task, footprintOf({ ...place, weights: "file" }))
  const more = ({ bytes, tensorBytes }: TaskNeed): TaskNeed => ({
    bytes: bytes + weightBytes - need.weightBytes,
    tensorBytes,
  })
  return { ...need, weights: "32 bits", weightBytes, generate: more(need.generate), train: more(need.train) }
}
