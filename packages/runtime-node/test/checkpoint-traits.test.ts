import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import type { SdxlHandle } from "@lllite/core/runtime"
import { openSafetensors, toFloat32 } from "@lllite/format"
import type { TensorBytes } from "@lllite/format/write"
import { fromFloat32, serializeSafetensors } from "@lllite/format/write"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { NodeRuntime } from "../src/index.ts"
import { createNodeRuntime } from "../src/index.ts"

// What a checkpoint says of itself, from its header to its pictures.

let folder = ""
let runtime: NodeRuntime
let tensors: Map<string, TensorBytes>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-traits-"))
  runtime = await createNodeRuntime({ backend: "wasm", threads: 1 })
  const path = createRequire(import.meta.url).resolve("@lllite/tiny/tiny-sdxl.safetensors")
  const file = await openSafetensors(await readFile(path))
  tensors = new Map()
  for (const [name, { dtype, shape }] of file.tensors) tensors.set(name, { dtype, shape, bytes: await file.read(name) })
})
afterAll(async () => {
  await runtime.dispose()
  await rm(folder, { recursive: true })
})

const write = async (name: string, changed: ReadonlyMap<string, TensorBytes>): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, serializeSafetensors(new Map(changed)))
  return path
}
const empty: TensorBytes = { dtype: "F32", shape: [0], bytes: new Uint8Array() }

async function draw(sdxl: SdxlHandle): Promise<RgbImage> {
  const options = { width: 64, height: 64, steps: 2, guidanceScale: 1, spacing: "trailing" } as const
  for await (const event of sdxl.generate([{ prompt: "a red ring", seed: 7 }], options)) {
    if (event.kind === "image") return event.image
  }
  throw new Error("no picture came")
}
/** Loads a checkpoint, draws with it and disposes it. */
async function use(path: string, options: { readonly prediction?: "v" | "epsilon" } = {}) {
  const sdxl = await runtime.loadSdxl(path, options)
  try {
    const { prediction, zeroTerminalSnr, notices } = sdxl
    return { prediction, zeroTerminalSnr, notices, image: await draw(sdxl) }
  } finally {
    await sdxl.dispose()
  }
}
const meanDifference = (one: RgbImage, other: RgbImage): number =>
  one.data.reduce((sum, value, i) => sum + Math.abs(value - (other.data[i] ?? 0)), 0) / one.data.length

it("runs a checkpoint as it says: v-prediction, and zero terminal SNR", async () => {
  const plain = await write("plain.safetensors", tensors)
  const v = await write("v.safetensors", new Map([...tensors, ["v_pred", empty]]))
  const zero = await write("zero.safetensors", new Map([...tensors, ["v_pred", empty], ["ztsnr", empty]]))
  const [noise, asked, said, rescaled, refused] = [
    await use(plain),
    await use(plain, { prediction: "v" }),
    await use(v),
    await use(zero),
    await use(zero, { prediction: "epsilon" }),
  ]
  expect(noise).toMatchObject({ prediction: "epsilon", zeroTerminalSnr: false, notices: [] })
  expect(said).toMatchObject({ prediction: "v", zeroTerminalSnr: false })
  expect(said.notices).toEqual([
    expect.stringMatching(/v\.safetensors": It predicts velocity .*the tensor "v_pred" says/),
  ])
  expect(rescaled).toMatchObject({ prediction: "v", zeroTerminalSnr: true })
  expect(refused).toMatchObject({ prediction: "epsilon", zeroTerminalSnr: false })
  expect(refused.notices).toEqual([expect.stringMatching(/It is run as one that predicts noise \(epsilon\), as asked/)])
  expect(said.image).toEqual(asked.image)
  expect(refused.image).toEqual(noise.image)
  expect(meanDifference(said.image, noise.image)).toBeGreaterThan(1)
  expect(meanDifference(rescaled.image, said.image)).toBeGreaterThan(1)
})

it("applies the scales of fp8, so that the picture is nearly the same", async () => {
  const scaled = new Map<string, TensorBytes>()
  for (const [name, tensor] of tensors) {
    const isLinear =
      name.startsWith("model.diffusion_model.") &&
      name.endsWith(".weight") &&
      tensor.shape.length === 2 &&
      // Keys stay as they are, beside queries and values with a scale.
      !name.endsWith("to_k.weight")
    if (!isLinear || tensor.dtype !== "F16") {
      scaled.set(name, tensor)
      continue
    }
    const values = toFloat32(tensor.bytes, "F16")
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 448 || 1
    const packed = fromFloat32(
      values.map((value) => value / scale),
      "F8_E4M3",
    )
    scaled.set(name, { dtype: "F8_E4M3", shape: tensor.shape, bytes: packed })
    const bytes = new Uint8Array(Float32Array.of(scale).buffer)
    scaled.set(name.replace(/weight$/, "scale_weight"), { dtype: "F32", shape: [1], bytes })
  }
  const plain = await use(await write("plain.safetensors", tensors))
  const { image } = await use(await write("scaled.safetensors", scaled))
  expect(meanDifference(image, plain.image)).toBeLessThan(3)
})
