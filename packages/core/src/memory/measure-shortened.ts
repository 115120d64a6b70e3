import { siteTable } from "@lllite/format"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import { SIZE_EMBEDDING_DIM } from "../diffusion/size-embedding.ts"
import type { StopOptions } from "../models/steps.ts"
import type { UnetConfig } from "../models/unet/config.ts"
import type { UnetParams } from "../models/unet/params.ts"
import { loadUnet } from "../models/unet/weights.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import type { CachedExample } from "../training/dataset.ts"
import { LLLITE } from "../training/lllite-trainable.ts"
import { objective } from "../training/objective.ts"
import type { MemoryTask } from "./plan.ts"
import { modelOf } from "./plan.ts"
import { DEEP, deepBlocks, shortenedUnet, withOneBlock } from "./shortened-unet.ts"

/** Tokens of a caption, with its start and end. */
const CHUNK_TOKENS = 77

/** A step is measured this often at each depth, after one that is not counted: it also makes memory and graphs. */
const ROUNDS = 2

/**
 * Seconds of a training step of a U-Net, measured on a shortened one with made-up values. A step grows by the same
 * time with each block of a deep transformer. So the time of two depths gives that of all blocks.
 *
 * Only the shortened U-Net is loaded, which for SDXL has 43 % of the values. The weights of the file are not read.
 *
 * @param unet under the names of a checkpoint in Stability's layout, see `unetOf`
 * @returns null for a U-Net without deep transformers
 * @throws CoreError for what loading and the task refuse; the signal's reason when aborted
 */
export async function measureShortened(
  ops: Ops,
  unet: WeightFile,
  task: MemoryTask,
  stop: StopOptions = {},
): Promise<number | null> {
  const [all, three, one] = [deepBlocks(unet), deepBlocks(unet, DEEP), deepBlocks(unet, 1)]
  if (all === 0) return null
  const long = await loadUnet(shortenedUnet(unet, stop), ops.load)
  try {
    const depths = [long, withOneBlock(long)] as const
    const took = depths.map(() => 0)
    // One after the other, so that other programs slow both down.
    for (let round = -1; round < ROUNDS; round++) {
      for (const [i, params] of depths.entries()) {
        const seconds = await stepSeconds(ops, params, task, stop)
        if (round >= 0) took[i] = (took[i] ?? 0) + seconds / ROUNDS
      }
    }
    const [ofThree = 0, ofOne = 0] = took
    const perBlock = Math.max(0, ofThree - ofOne) / (three - one)
    return ofThree + (all - three) * perBlock
  } finally {
    disposeParams(long)
  }
}

async function stepSeconds(ops: Ops, unet: UnetParams, task: MemoryTask, stop: StopOptions): Promise<number> {
  const model = modelOf({ unet }, { ...task, ...sitesIn(unet.config, task) })
  if (model === null) return 0
  const example = blankExample(unet.config, task)
  const examples = Array.from({ length: task.batchSize ?? 1 }, () => example)
  const batch = { seed: 0, step: 0, firstRow: 0, examples, ...stop }
  const sdxl = { ops, unet, prediction: "epsilon" } as const
  const options = { gradientCheckpointing: task.checkpointing ?? true }
  const start = performance.now()
  await objective(sdxl, createNoiseSchedule(), LLLITE, model, batch, options)
  return (performance.now() - start) / 1000
}

/** The sites of a task that a shortened U-Net has. */
function sitesIn({ layout }: UnetConfig, { sites }: MemoryTask): Pick<MemoryTask, "sites"> {
  if (sites === undefined) return {}
  const { byKey } = siteTable(layout)
  return { sites: sites.filter(({ key }) => byKey.has(key)) }
}

/** A pair without content. Values make no difference to the time of a step. */
function blankExample(
  { contextDim, pooledDim, outChannels }: UnetConfig,
  { width, height, lllite }: MemoryTask,
): CachedExample {
  const latents = new Float32Array((width / VAE_FACTOR) * (height / VAE_FACTOR) * outChannels)
  return {
    ...{ width, height, control: { width, height, data: new Uint8Array(3 * width * height) } },
    ...{ latents, ...(lllite?.condInput === "latent" ? { controlLatents: latents } : {}) },
    context: new Float32Array(CHUNK_TOKENS * contextDim),
    vector: new Float32Array(pooledDim + SIZE_EMBEDDING_DIM),
  }
}
