import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeLllite } from "@lllite/format/write"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { checkHoles } from "./holes.ts"
import type { PlannedPicture } from "./plan-pictures.ts"

let folder = ""
const at = (name: string): string => join(folder, name)
const site = { ...enumerateSites(SDXL_LAYOUT)[0], condDim: 4, mlpDim: 4 } as const

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-holes-"))
  for (const [name, channels] of [
    ["canny", 3],
    ["fill", 4],
  ] as const) {
    const sites = [{ ...site, condChannels: channels }] as Parameters<typeof serializeLllite>[0]["sites"]
    const values = (_: unknown, tensor: string): Float32Array => new Float32Array(SIZES[tensor]?.(channels) ?? 0)
    await writeFile(at(`${name}.safetensors`), await serializeLllite({ sites, values, dtype: "F32" }))
  }
})
afterAll(() => rm(folder, { recursive: true }))

/** Values of each tensor of the site, which is 640 wide and of depth 2. */
const SIZES: Readonly<Record<string, (channels: number) => number>> = {
  "conditioning1.0.weight": (channels) => 2 * channels * 16,
  "conditioning1.0.bias": () => 2,
  "conditioning1.2.weight": () => 4 * 2 * 16,
  "conditioning1.2.bias": () => 4,
  "down.0.weight": () => 4 * 640,
  "down.0.bias": () => 4,
  "mid.0.weight": () => 4 * 8,
  "mid.0.bias": () => 4,
  "up.0.weight": () => 640 * 4,
  "up.0.bias": () => 640,
}

function check(name: string, hole: string | null): Promise<void> {
  const path = at(`${name}.safetensors`)
  const adapter = { file: { path }, ...(hole === null ? {} : { hole: { file: { path: hole } } }) }
  const pictures = [{ recipe: { adapters: [adapter] } }] as unknown as readonly PlannedPicture[]
  return checkHoles(pictures, new Map([[path, "lllite"]]))
}

describe("a hole", () => {
  it("is taken by an LLLite for inpainting, and by no other", async () => {
    await expect(check("fill", "hole.png")).resolves.toBeUndefined()
    await expect(check("canny", null)).resolves.toBeUndefined()
    await expect(check("fill", null)).rejects.toThrow(
      /fill\.safetensors" is for inpainting, and there is no hole\. Give .*--lllite_holes/,
    )
    await expect(check("canny", "hole.png")).rejects.toThrow(
      /canny\.safetensors" reads no hole: .*Leave out --lllite_holes/,
    )
  })
})
