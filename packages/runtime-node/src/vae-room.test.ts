import { chooseVaeSlices, SDXL_VAE } from "@lllite/core"
import { expect, it } from "vitest"
import { vaeRoom } from "./vae-room.ts"

const GIB = 2 ** 30
const place = { backend: "tensorflow", device: "CPU", threads: 1 } as const

it("leaves some of what is free, shares it among threads, and knows wasm's heap", () => {
  expect(vaeRoom(place, 16 * GIB)).toBe(12 * GIB)
  expect(vaeRoom({ ...place, backend: "cpu", threads: 2 }, 16 * GIB)).toBe(6 * GIB)
  expect(vaeRoom({ ...place, backend: "wasm" }, 16 * GIB)).toBe(2 * GIB)
  expect(vaeRoom({ ...place, device: "GPU" }, GIB)).toBe(4 * GIB)
})

it("cuts SDXL's usual picture where memory is short, and leaves a small one whole", () => {
  const slices = (side: number, free: number): number =>
    chooseVaeSlices(SDXL_VAE, { height: side, width: side }, vaeRoom(place, free))
  expect(slices(1024, 24 * GIB)).toBe(1)
  expect(slices(1024, 8 * GIB)).toBe(2)
  expect(slices(1024, 5 * GIB)).toBe(8)
  expect(slices(128, GIB)).toBe(1)
})
