import { existsSync } from "node:fs"
import { generate } from "@lllite/core"
import { createNoiseSchedule } from "@lllite/core/diffusion"
import type { RgbImage } from "@lllite/core/image"
import type { MemoryTask } from "@lllite/core/memory"
import { planMemory } from "@lllite/core/memory"
import type { LlliteModel, Sdxl } from "@lllite/core/models"
import { bytesOf, disposeLllite, layOutSlots, uploadLllite } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { watchBytes } from "@lllite/core/testing"
import type { CachedExample } from "@lllite/core/training"
import { createExampleCache, LLLITE, objective } from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { longOnly, needs, needsAll } from "../../../format/test/needs.ts"
import { startBackend } from "../backends/start.ts"
import { loadCheckpoint } from "../checkpoint.ts"
import { openSdxl, TINY } from "../files/open-sdxl.ts"
import { footprintOf, type ModelPlace } from "../footprint.ts"

/* Core's plan of memory, compared with the memory that the tiny model uses while it generates and trains. */

const DIMS = { condDim: 32, mlpDim: 64 } as const

/** The largest number of bytes that were held since the last call, without weights. */
type Take = () => number

/** Bytes that each phase used, by the plan's names, without weights. */
async function measure(ops: Ops, sdxl: Sdxl, task: MemoryTask, take: Take): Promise<Readonly<Record<string, number>>> {
  const { width, height } = task
  const picture: RgbImage = { width, height, data: new Uint8Array(3 * width * height) }
  const model = zeros(sdxl)
  const taken: Record<string, number> = {}
  take()
  if (task.kind === "train") {
    const size = { original: [height, width], crop: [0, 0], target: [height, width] } as const
    const cache = createExampleCache(sdxl, { seed: 0 })
    const example: CachedExample = await cache(
      { name: "a", image: picture, control: picture, caption: "a star", size },
      0,
    )
    taken.VAE = take()
    const rows = { seed: 0, step: 0, firstRow: 0, examples: [example] }
    const gradientCheckpointing = task.checkpointing ?? true
    await objective(sdxl, createNoiseSchedule(), LLLITE, model, rows, { gradientCheckpointing })
    taken["training step"] = take()
    return taken
  }
  const lllite = uploadLllite(model)
  const steps = 2
  // All pauses before the first step belong to the text encoders. The last one stands before the first pass.
  let text = 0
  let hasSteps = false
  for await (const event of generate(sdxl, [{ prompt: "a star", seed: 0 }], {
    ...{ width, height, steps, adapters: [{ lllite, control: picture }] },
    pause: async () => {
      if (!hasSteps) text = Math.max(text, take())
    },
  })) {
    hasSteps = true
    taken["text and control"] = text
    if (event.kind === "step" && event.step === steps) taken["U-Net"] = take()
    if (event.kind === "image") taken.VAE = take()
  }
  disposeLllite(lllite)
  ops.trim?.()
  return taken
}

function zeros(sdxl: Sdxl): LlliteModel {
  const adapters = enumerateSites(sdxl.unet.config.layout).map((site) => ({ site, ...DIMS }))
  const { slots, size } = layOutSlots(adapters)
  return { adapters, slots, values: new Float32Array(size) }
}

/** The same bytes by the plan. */
async function planned(task: MemoryTask, place: ModelPlace): Promise<Readonly<Record<string, number>>> {
  const { files, close } = await openSdxl({ checkpoint: TINY })
  await close()
  const { phases, weightBytes } = await planMemory(files, task, footprintOf(place))
  // The text of a training takes 1 % of what its VAE takes, which is measured with it.
  const compared = phases.filter(({ name }) => name !== "text")
  return Object.fromEntries(compared.map(({ name, peakBytes }) => [name, peakBytes - weightBytes]))
}

function expectNear(plan: Readonly<Record<string, number>>, real: Readonly<Record<string, number>>): void {
  expect(Object.keys(plan)).toEqual(Object.keys(real))
  for (const [name, bytes] of Object.entries(real)) {
    expect(Math.abs((plan[name] ?? 0) / bytes - 1), `${name}: ${plan[name]} planned, ${bytes} taken`).toBeLessThan(0.1)
  }
}

const GENERATE = { kind: "generate", width: 128, height: 128, lllite: DIMS } as const
const TRAIN = { ...GENERATE, kind: "train" } as const

describe("a plan for wasm", () => {
  it.each([
    ["a generation", GENERATE],
    ["a training step by blocks", TRAIN],
    ["a training step on one tape", { ...TRAIN, checkpointing: false }],
  ] as const)("plans the memory of %s to within a tenth", async (_, task) => {
    const { ops } = await startBackend("wasm")
    // Weights are transposed only once, so each task has a separate model.
    const sdxl = await loadCheckpoint(ops, TINY)
    const watch = watchBytes()
    const real = await measure(ops, sdxl, task, watch.take)
    watch.stop()
    sdxl.dispose()
    expectNear(await planned(task, { backend: "wasm", weights: "file" }), real)
  })
})

/** The software driver in Debian's package of Chromium. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"

describe("a plan for webgpu", () => {
  beforeEach(() => vi.stubEnv("VK_ICD_FILENAMES", process.env.VK_ICD_FILENAMES ?? SWIFTSHADER))
  afterEach(() => vi.unstubAllEnvs())

  async function expectPlanned(scene: MemoryTask): Promise<void> {
    // A software adapter takes minutes even for this.
    const task = { ...scene, width: 32, height: 32 }
    const { ops } = await startBackend("webgpu")
    const allocated = (): number =>
      (tf.backend().memory() as { readonly numBytesAllocatedInGPU?: number }).numBytesAllocatedInGPU ?? 0
    let most = 0
    const trim = (): void => {
      most = Math.max(most, allocated())
      ops.trim?.()
    }
    const take = (): number => {
      const taken = Math.max(most, allocated())
      most = 0
      return taken
    }
    const sdxl = await loadCheckpoint({ ...ops, trim }, TINY)
    const { "text and control": text, ...real } = await measure(ops, sdxl, task, take)
    const { "text and control": textPlanned, ...plan } = await planned(task, { backend: "webgpu", weights: "file" })
    expectNear(plan, real)
    // An LLLite's tensors are uploaded one by one, when they are used. The plan counts all of them at once.
    if (text !== undefined) expect(text).toBeLessThan(textPlanned as number)
    expect(bytesOf(sdxl)).toBeGreaterThan(0)
    sdxl.dispose()
  }

  const hasSwiftshader = needs("SwiftShader, which comes with Debian's chromium", existsSync(SWIFTSHADER))
  const name = (what: string): string => `plans the memory of ${what} to within a tenth, idle buffers included`
  it(name("a generation"), hasSwiftshader, () => expectPlanned(GENERATE))
  it(name("a training step by blocks"), needsAll(longOnly, hasSwiftshader), () => expectPlanned(TRAIN))
})
