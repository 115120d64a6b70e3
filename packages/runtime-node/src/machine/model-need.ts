import type { MemoryPlan, MemoryTask } from "@lllite/core/memory"
import { chooseVaeSlices, planMemory, sdxlOutline } from "@lllite/core/memory"
import type { SdxlFiles, WeightFile } from "@lllite/core/models"
import { inferVaeConfig, partsOf } from "@lllite/core/models"
import { openSdxl, TINY } from "../files/open-sdxl.ts"
import { footprintOf, type ModelPlace } from "../footprint.ts"
import { type VaePlace, vaeRoom } from "../vae-room.ts"

/** What a task takes on a backend, weights included. */
export interface TaskNeed {
  readonly bytes: number
  /** Of the largest tensor. */
  readonly tensorBytes: number
}

/** What a model takes on a backend. */
export interface ModelNeed {
  readonly model: "tiny" | "SDXL"
  /** How the backend holds the weights: as a file of that width has them, or widened. */
  readonly weights: "16 bits" | "32 bits"
  readonly weightBytes: number
  /** The picture's side in pixels that is planned for. */
  readonly side: number
  /** A guided picture under an LLLite. */
  readonly generate: TaskNeed
  /** A step with one pair, with gradient checkpointing. */
  readonly train: TaskNeed
  /** The largest side whose tensors the device takes; null where it takes none of those that are tried. */
  readonly fittingSide: number | null
}

/** SDXL's usual side, and smaller ones to fall back on. */
const SIDES = [1024, 768, 512, 256] as const
const TINY_SIDE = 128

/** Widths of an LLLite as they are usual. */
const LLLITE = { condDim: 32, mlpDim: 64 } as const

/**
 * What the models that there are take on a backend, by the plan of core. A backend must run, with the gradients of
 * TensorFlow.js, and nothing else may compute meanwhile.
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
    const vaeSlices = await chooseVaeSlices(vae, picture, vaeRoom({ ...place, threads: 1 }), footprint)
    return planMemory(files, { kind, ...picture, lllite: LLLITE, vaeSlices }, footprint)
  }
  const [side] = sides
  const [generate, train] = [await plan("generate", side), await plan("train", side)]
  const limit = place.maxTensorBytes ?? Number.POSITIVE_INFINITY
  let fittingSide: number | null = null
  for (const smaller of sides) {
    // Of the two, a guided picture has the larger tensors.
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

/** The same with weights of 32 bits: nothing else changes. */
async function widened(need: ModelNeed, place: NeedPlace): Promise<ModelNeed> {
  const task: MemoryTask = { kind: "generate", width: 32, height: 32, guided: false, lllite: null }
  const { weightBytes } = await planMemory(await sdxlOutline("F32"), task, footprintOf({ ...place, weights: "file" }))
  const more = ({ bytes, tensorBytes }: TaskNeed): TaskNeed => ({
    bytes: bytes + weightBytes - need.weightBytes,
    tensorBytes,
  })
  return { ...need, weights: "32 bits", weightBytes, generate: more(need.generate), train: more(need.train) }
}
