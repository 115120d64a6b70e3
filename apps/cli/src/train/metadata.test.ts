import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ownMetadata, readThumbnail } from "./metadata.ts"

describe("a thumbnail", () => {
  let folder = ""
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-thumbnail-"))
    await writeFile(join(folder, "small.PNG"), Uint8Array.of(1, 2, 3))
    await writeFile(join(folder, "large.webp"), new Uint8Array(1_000_001))
    await writeFile(join(folder, "other.gif"), "GIF")
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("is a file's bytes as a data URL, or the data URL that was given", async () => {
    expect(await readThumbnail(join(folder, "small.PNG"))).toBe("data:image/png;base64,AQID")
    expect(await readThumbnail("data:image/jpeg;base64,AA==")).toBe("data:image/jpeg;base64,AA==")
    expect(await readThumbnail(undefined)).toBeNull()
    const large = `data:image/png;base64,${"A".repeat(1_000_000)}`
    await expect(readThumbnail(large)).rejects.toThrow("the data URL has 1000022 bytes, expected at most 1000000")
  })

  it.each([
    ["large.webp", "has 1000001 bytes, expected at most 1000000"],
    ["other.gif", "is not a thumbnail, expected a file that ends in .png, .jpg or .webp"],
    ["none.png", "there is no"],
  ])("is refused: %s", async (name, message) => {
    await expect(readThumbnail(join(folder, name))).rejects.toThrow(message)
  })
})

describe("what the program says of a training", () => {
  it("names the preset with what it set, and nothing where a run is as in sd-scripts", () => {
    const sites = enumerateSites(SDXL_LAYOUT)
    const metadataOf = (sets: readonly string[]): readonly unknown[] => [
      ...ownMetadata({ ema: null, preset: { name: "fast-follow", sets, text: "" } }, sites, SDXL_LAYOUT),
    ]
    expect(metadataOf(["conditioner_init normalised", "min_timestep 600"])).toEqual([
      ["lllite.preset", "fast-follow: conditioner_init normalised, min_timestep 600"],
    ])
    expect(metadataOf([])).toEqual([["lllite.preset", "fast-follow: nothing"]])
    expect(ownMetadata({ ema: null, preset: null }, sites, SDXL_LAYOUT).size).toBe(0)
  })
})
