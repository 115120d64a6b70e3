import { chooseVaeSlices } from "@lllite/core/memory"
import { SDXL_VAE } from "@lllite/core/models"
import { expect, it } from "vitest"
import { startBackend } from "./backends/start.ts"
import { footprintOf } from "./footprint.ts"
import { vaeRoom } from "./vae-room.ts"

const GIB = 2 ** 30
const PICTURE = { height: 1024, width: 1024 } as const
const place = { backend: "tensorflow", device: "CPU", threads: 1 } as const

it("leaves a part of the free memory, divides it among threads, and keeps within wasm's heap", () => {
  expect(vaeRoom(place, PICTURE, 16 * GIB)).toBe(12 * GIB)
  expect(vaeRoom({ ...place, backend: "cpu", threads: 2 }, PICTURE, 16 * GIB)).toBe(6 * GIB)
  expect(vaeRoom({ ...place, backend: "wasm" }, PICTURE, 16 * GIB)).toBe(2 * GIB)
})

it("is less than a gibibyte on a graphics card, more for a larger picture, and at most three", () => {
  const room = (side: number): number => vaeRoom({ ...place, device: "GPU" }, { height: side, width: side }, GIB)
  expect([512, 1024, 2048, 4096].map(room)).toEqual([0.7 * GIB, 0.7 * GIB, 4 * 0.7 * GIB, 3 * GIB])
})

it("cuts SDXL's usual picture when memory is short, and keeps a small one whole", async () => {
  await startBackend("wasm")
  const slices = (side: number, free: number): Promise<number> =>
    chooseVaeSlices(
      SDXL_VAE,
      { height: side, width: side },
      vaeRoom(place, { height: side, width: side }, free),
      footprintOf({ ...place, weights: "file" }),
    )
  expect(await slices(1024, 24 * GIB)).toBe(1)
  expect(await slices(1024, 6 * GIB)).toBeGreaterThan(1)
  expect(await slices(128, GIB)).toBe(1)
})
