import type { TrainState } from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../format/test/needs.ts"
import { chooseDriver } from "../../webgpu/test/drivers.ts"
import { createNodeRuntime, type NodeRuntime, type SdxlHandle, type TrainRunOptions } from "../src/index.ts"

/*
 * A training on WebGPU, whose optimiser computes on the device. The worker loads the built packages, so
 * `turbo run build` comes first.
 */

chooseDriver("swiftshader", "lavapipe")
const needsDriver = needs(
  "a Vulkan driver. scripts/lavapipe.sh installs one",
  process.env.VK_ICD_FILENAMES !== undefined,
)

const SIDE = 32

/** Copies the values, which lie in shared memory. `structuredClone` would share them. */
function copyOf(state: TrainState | null): TrainState | null {
  return state === null ? null : { ...state, model: { ...state.model, values: state.model.values.slice() } }
}

/** The run at its end, and a copy of it after its first step. */
async function trainOn(
  sdxl: SdxlHandle,
  changes: Partial<TrainRunOptions> = {},
): Promise<{ readonly first: TrainState | null; readonly end: TrainState }> {
  const image = {
    width: SIDE,
    height: SIDE,
    data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7) % 256),
  }
  const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const
  const example = async () => ({ name: "one", image, control: image, caption: "a red star", size })
  const run = sdxl.train(
    { count: 1, example },
    {
      sites: enumerateSites(sdxl.layout).slice(0, 2),
      ...{ condDim: 8, mlpDim: 8, steps: 2, stateEvery: 1, batchSize: 1, seed: 1, learningRate: 1e-2 },
      ...changes,
    },
  )
  let first: TrainState | null = null
  for (;;) {
    const next = await run.next()
    if (next.done === true) return { first, end: next.value }
    const event = next.value
    if (event.kind === "step" && event.step === 1) first = copyOf(event.state)
  }
}

describe("a training on WebGPU", needsDriver, () => {
  let webgpu: NodeRuntime
  beforeAll(async () => {
    webgpu = await createNodeRuntime({ backend: "webgpu" })
  })
  afterAll(() => webgpu?.dispose())

  it("changes the values as on WebAssembly, up to rounding, and continues from its saved state", async () => {
    const wasm = await createNodeRuntime({ backend: "wasm", threads: 1 })
    const { end: expected } = await trainOn(await wasm.loadSdxl("tiny"))
    await wasm.dispose()
    const sdxl = await webgpu.loadSdxl("tiny")
    const { first, end: whole } = await trainOn(sdxl)
    if (first === null) throw new Error("the first step gave no state")
    const { end: rest } = await trainOn(sdxl, { initial: first })
    expect(rest.model.values).toEqual(whole.model.values)
    expect(rest.optimizer).toEqual(whole.optimizer)
    expect(whole.optimizer.step).toBe(2)
    // Two steps of 1e-2 each. Where a gradient is near zero, its sign decides.
    const far = whole.model.values.filter((value, i) => Math.abs(value - (expected.model.values[i] as number)) > 1e-3)
    expect(far.length / whole.model.values.length).toBeLessThan(0.01)
  })
})
