import type { Ops } from "@lllite/core/ops"
import { expect, it } from "vitest"
import { expectRoom } from "./memory.ts"

const GIB = 2 ** 30
const need = { side: 1024, weightBytes: 6 * GIB, generateBytes: 9 * GIB, trainBytes: 11 * GIB, tensorBytes: GIB / 4 }
const on = (backend: "webgpu" | "wasm", maxTensorBytes?: number) => ({ backend, ops: { maxTensorBytes } as Ops })

it("refuses what WebAssembly cannot address, with the figures and the way out", () => {
  expect(() => expectRoom("sdxl", need, on("wasm"))).toThrow(
    '"sdxl": a picture of 1024 px takes 9.0 GiB, weights in float32 (6.0 GiB) included, and WebAssembly can address 4 GiB. It needs WebGPU',
  )
  expect(() => expectRoom("tiny", { ...need, generateBytes: GIB / 16 }, on("wasm"))).not.toThrow()
})

it("refuses what a graphics card does not bind, and leaves to it what memory it has", () => {
  expect(() => expectRoom("sdxl", need, on("webgpu", GIB / 8))).toThrow(
    "a guided picture of 1024 px has a tensor of 256 MiB, and this graphics card binds 128 MiB at once. Plan for a smaller `side`",
  )
  expect(() => expectRoom("sdxl", need, on("webgpu", 2 * GIB))).not.toThrow()
})
