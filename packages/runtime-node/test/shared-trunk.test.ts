import type { RgbImage } from "@lllite/core/image"
import type { TrainState } from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import { beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { chooseDriver } from "../../webgpu/test/drivers.ts"
import { createNodeRuntime, type NodeRuntime } from "../src/index.ts"
import { findTensorflow } from "../src/tensorflow/installation.ts"

/*
 * LLLites whose sites share a trunk that reads pixels or latents, trained and drawn with on every backend. The worker
 * loads the built packages, so `turbo run build` comes first.
 */

chooseDriver("swiftshader", "lavapipe")
const DRIVER = "a Vulkan driver. scripts/lavapipe.sh installs one"

const SIDE = 32
const FORM = { condDim: 8, mlpDim: 8, sharedTrunk: true } as const
/** What the trunk reads. Pixels are the default, which a plan leaves out. */
const READS = { pixels: FORM, latents: { ...FORM, condInput: "latent" } } as const
type Reads = keyof typeof READS

const image: RgbImage = {
  ...{ width: SIDE, height: SIDE },
  data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7) % 256),
}

type BackendName = NodeRuntime["backend"]

/** The run after two steps, and a picture that is drawn with its LLLite. */
async function trainAndDraw(
  backend: BackendName,
  reads: Reads,
): Promise<{ readonly values: Float32Array; readonly drawn: RgbImage }> {
  const runtime = await createNodeRuntime({ backend, ...(backend === "wasm" ? { threads: 1 } : {}) })
  try {
    const sdxl = await runtime.loadSdxl("tiny")
    const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const
    const example = async () => ({ name: "one", image, control: image, caption: "a red star", size })
    // Two blocks, of two depths.
    const sites = enumerateSites(sdxl.layout).filter(({ block }) => block === "input 5" || block === "middle")
    const run = sdxl.train(
      { count: 1, example },
      { sites, ...READS[reads], steps: 2, batchSize: 1, seed: 1, learningRate: 1e-2 },
    )
    let state: TrainState
    for (;;) {
      const next = await run.next()
      if (next.done !== true) continue
      state = next.value
      break
    }
    expect(state.model.adapters).toEqual(sites.map((site) => ({ site, ...READS[reads] })))
    const adapter = await runtime.loadAdapter(state.model, sdxl)
    const options = { ...{ width: SIDE, height: SIDE, steps: 2 }, adapters: [{ adapter, control: image }] }
    for await (const event of sdxl.generate([{ prompt: "a red star", seed: 1 }], options)) {
      if (event.kind === "image") return { values: state.model.values.slice(), drawn: event.image }
    }
    throw new Error("there is no picture")
  } finally {
    await runtime.dispose()
  }
}

describe.each(["pixels", "latents"] as const)("an LLLite with a shared trunk of %s", (reads) => {
  let expected: Awaited<ReturnType<typeof trainAndDraw>>
  beforeAll(async () => {
    expected = await trainAndDraw("wasm", reads)
  })

  async function expectAlike(backend: BackendName): Promise<void> {
    const { values, drawn } = await trainAndDraw(backend, reads)
    // Two steps of 1e-2 each. Where a gradient is near zero, its sign decides.
    const far = values.filter((value, i) => Math.abs(value - (expected.values[i] ?? Number.NaN)) > 1e-3)
    expect(far.length / values.length).toBeLessThan(0.02)
    const apart = drawn.data.reduce((sum, value, i) => sum + Math.abs(value - (expected.drawn.data[i] ?? 0)), 0)
    expect(apart / drawn.data.length).toBeLessThan(2)
  }

  const onTensorflow = needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null)
  it("trains and draws on TensorFlow as on WebAssembly, up to rounding", onTensorflow, () => expectAlike("tensorflow"))

  // A minute each on a software driver.
  const onWebgpu = needsAll(longOnly, needs(DRIVER, process.env.VK_ICD_FILENAMES !== undefined))
  it("trains and draws on WebGPU as on WebAssembly, up to rounding", onWebgpu, () => expectAlike("webgpu"))
})
