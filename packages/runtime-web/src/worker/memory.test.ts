import type { Ops } from "@lllite/core/ops"
import { expect, it } from "vitest"
import { expectRoom } from "./memory.ts"

const GIB = 2 ** 30
const need = { side: 1024, weightBytes: 6 * GIB, generateBytes: 9 * GIB, trainBytes: 11 * GIB, tensorBytes: GIB / 4 }
const on = (backend: "webgpu" | "wasm", maxTensorBytes?: number) => ({ backend, ops: { maxTensorBytes } as Ops })

it("refuses a checkpoint that WebAssembly cannot address, with the figures and advice", () => {
  expect(() => expectRoom("sdxl", need, on("wasm"))).toThrow(
    '"sdxl": a picture of 1024 px needs 9.0 GiB, weights in float32 (6.0 GiB) included, and WebAssembly can address only 4 GiB. It needs WebGPU',
  )
  expect(() => expectRoom("tiny", { ...need, generateBytes: GIB / 16 }, on("wasm"))).not.toThrow()
})

it("refuses a tensor that is larger than a graphics card takes, and does not judge the card's memory", () => {
  expect(() => expectRoom("sdxl", need, on("webgpu", GIB / 8))).toThrow(
    "a guided picture of 1024 px has a tensor of 256 MiB, and this graphics card takes at most 128 MiB. Choose a smaller `side`",
  )
  expect(() => expectRoom("sdxl", need, on("webgpu", 2 * GIB))).not.toThrow()
})
