import { openAsBlob } from "node:fs"
import { fileURLToPath } from "node:url"
import { generate } from "@lllite/core"
import { canny, edgeF1, greyToRgb, rgbToGrey } from "@lllite/core/image"
import { disposeLllite, uploadLllite } from "@lllite/core/models"
import { readLllite } from "@lllite/format"
import { checkLllite } from "@lllite/format/health"
import { cannyThresholds, heldOutDrawing } from "@lllite/tiny"
import { describe, expect, it } from "vitest"
import { longOnly } from "../../format/test/needs.ts"
import { loadCheckpoint, readLlliteFile, startBackend } from "../src/index.ts"

const FILE = fileURLToPath(new URL("../../tiny/model/lllite-canny.safetensors", import.meta.url))
const PICTURES = 8

describe("the shipped LLLite", () => {
  it("passes the health check", async () => {
    const { sites, findings } = await checkLllite(await readLllite(await openAsBlob(FILE)))
    expect(findings).toEqual([])
    for (const { strength } of sites) expect(strength).toBeLessThan(1)
  })

  it("follows its control by degrees", { ...longOnly, timeout: 900_000 }, async () => {
    const { ops } = await startBackend("wasm")
    const sdxl = await loadCheckpoint(ops, "tiny")
    const lllite = uploadLllite(await readLlliteFile(FILE, sdxl.unet.config.layout))
    const edgesOf = (image: Parameters<typeof rgbToGrey>[0]) => canny(rgbToGrey(image), cannyThresholds)
    const drawings = Array.from({ length: PICTURES }, (_, index) => heldOutDrawing(index))
    const edges = drawings.map(({ image }) => edgesOf(image))
    const f1At = async (strength: number): Promise<number> => {
      const requests = drawings.map(({ caption }, seed) => ({ prompt: caption, seed }))
      const adapters = [{ lllite, control: edges.map(greyToRgb), strength }]
      const drawing = { width: 128, height: 128, steps: 15, guidanceScale: 1.5, sampler: "euler" } as const
      let sum = 0
      for await (const event of generate(sdxl, requests, { ...drawing, adapters })) {
        if (event.kind === "image") sum += edgeF1(edgesOf(event.image), edges[event.index] as (typeof edges)[0]).f1
      }
      return sum / PICTURES
    }
    const [none = 1, quarter = 0, half = 0, most = 0, whole = 0] = [
      await f1At(0),
      await f1At(0.25),
      await f1At(0.5),
      await f1At(0.75),
      await f1At(1),
    ]
    disposeLllite(lllite)
    expect(none).toBeLessThan(0.25)
    expect(quarter - none).toBeGreaterThan(0.05)
    expect(half - quarter).toBeGreaterThan(0.1)
    expect(most - half).toBeGreaterThan(0.1)
    expect(whole).toBeGreaterThan(0.88)
  })
})
