import { generate } from "@lllite/core"
import { selfCheck, type WeightEntry } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { chooseDriver } from "../../../webgpu/test/drivers.ts"
import { startBackend } from "../backends/start.ts"
import { loadCheckpoint } from "../checkpoint.ts"

chooseDriver("swiftshader", "lavapipe")
const hasDriver = process.env.VK_ICD_FILENAMES !== undefined

/** Bytes of TensorFlow.js' buffers on the device, with idle ones. */
function allocated(): number {
  return (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU
}

const needsDriver = needs("a Vulkan driver. scripts/lavapipe.sh installs one", hasDriver)

describe("the backend webgpu", () => {
  it("computes and differentiates when a driver is named", needsDriver, async () => {
    const { backend, ops, version, device } = await startBackend("webgpu")
    expect({ backend, device }).toEqual({ backend: "webgpu", device: "CPU" })
    expect(version).toMatch(/^WebGPU ./)
    await selfCheck(ops)
  })

  it("rounds float32 weights with the option", needsDriver, async () => {
    const values = Float32Array.from({ length: 8 }, (_, i) => i / 4)
    const weight: WeightEntry = {
      ...{ name: "weight", dtype: "F32", shape: [2, 4] },
      read: async () => new Uint8Array(values.buffer.slice(0)),
    }
    const sizes = []
    for (const weights of ["file", "F16", "BF16"] as const) {
      const { ops } = await startBackend("webgpu", { weights })
      const linear = await ops.load.linear(weight, null)
      sizes.push(linear.bytes)
      linear.dispose()
    }
    expect(sizes).toEqual([32, 16, 16])
  })

  it("refuses float16 on a driver without it", needsDriver, async () => {
    await expect(startBackend("webgpu", { precision: "F16" })).rejects.toThrow(
      /^precision "F16": the driver has no (float16|subgroup matrices)\. Leave precision out/,
    )
  })

  it("frees idle buffers after it has generated", needsDriver, async () => {
    const { ops } = await startBackend("webgpu")
    let most = 0
    const trim = (): void => {
      most = Math.max(most, allocated())
      ops.trim?.()
    }
    const sdxl = await loadCheckpoint({ ...ops, trim }, "tiny")
    const request = { prompt: "a red star", seed: 1 }
    for await (const _ of generate(sdxl, [request], { width: 128, height: 128, steps: 1, guidanceScale: 1 })) {
      most = Math.max(most, allocated())
    }
    // The buffers that stay are smaller than 1 MiB each: 6.2 MiB together, and 18 without trimming.
    expect(most - allocated()).toBeGreaterThan(4e6)
    expect(allocated() - tf.memory().numBytes).toBeLessThan(7e6)
    sdxl.dispose()
  })

  it("refuses a precision, and names the backend that takes one", async () => {
    await expect(startBackend("webgpu", { precision: "BF16" })).rejects.toThrow(/needs the backend "tensorflow"/)
    await expect(startBackend("tensorflow", { precision: "F16" })).rejects.toThrow(/needs the backend "webgpu"/)
    await expect(startBackend("wasm", { weights: "F16" })).rejects.toThrow(
      /weights "F16" needs the backend "tensorflow" or "webgpu", got "wasm"/,
    )
    // It holds all weights so.
    expect(await startBackend("wasm", { weights: "F32" })).toMatchObject({ backend: "wasm" })
  })
})
