import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GRID_OPTIONS } from "./options.ts"
import { planGrid } from "./plan.ts"
import { readAxes } from "./settings.ts"

const LLLITE = fileURLToPath(new URL("../../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

describe("the plan of a sheet", () => {
  let folder = ""
  const at = (name: string): string => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-grid-"))
    await writePng(at("edges.png"), blankImage(64, 64, [0, 0, 0]))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const plan = async (options: Record<string, unknown>) => {
    const reader = readRecord(GRID_OPTIONS, {
      ...{ ckpt: "tiny", prompt: "a red ring", outdir: at("out"), W: 64 },
      ...{ control_net_lllite_models: [LLLITE], guide_image_path: [at("edges.png")] },
      ...options,
    })
    const { settings } = await planGrid(reader, readAxes(reader))
    return settings.pictures.map(({ recipe }) => recipe)
  }

  it("has a picture for each pair of values, row by row, which differ by them alone", async () => {
    const recipes = await plan({ x: "strength=0,0.5", y: "steps=4,5,6" })
    expect(recipes.map(({ adapters, steps }) => [adapters[0]?.strength, steps])).toEqual([
      [0, 4],
      [0.5, 4],
      [0, 5],
      [0.5, 5],
      [0, 6],
      [0.5, 6],
    ])
    // No seed was given, so one is drawn for all.
    expect(new Set(recipes.map(({ seed }) => seed)).size).toBe(1)
    expect(recipes[0]?.seed).toBeGreaterThanOrEqual(0)
  })

  it("takes what other options need from an axis", async () => {
    const recipes = await plan({ x: `lllite_masks=none,${at("edges.png")}`, lllite_mask_feathers: ["8"] })
    expect(recipes.map(({ adapters }) => adapters[0]?.mask?.feather)).toEqual([undefined, 8])
    const seeds = await plan({ x: "seed=1-3", y: "prompt_sr=red,blue" })
    expect(seeds.map(({ seed, prompt }) => `${seed} ${prompt}`)).toEqual([
      ...["1 a red ring", "2 a red ring", "3 a red ring", "1 a blue ring", "2 a blue ring", "3 a blue ring"],
    ])
  })

  it.each([
    [{ x: undefined }, /--x is missing, expected what differs from column to column/],
    [{ x: "seed=1", y: "sed=1" }, /--y is "sed=1": there is no axis "sed"/],
    [{ x: "seed=1", y: "Seed=2" }, /--x and --y both change seed/],
    [{ x: "steps=4,0" }, /steps=0: steps is 0, expected a whole number from 1/],
    [{ x: "strength=1,200" }, /strength=200: strength has 200, expected a number from -100 to 100/],
    [{ x: "ckpt=tiny,nothing.safetensors" }, /nothing\.safetensors/],
    [{ x: "seed=1,2", images_per_prompt: 2 }, /the cell seed=1 has 2 pictures, expected one/],
    [{ x: "seed=1-40", y: "steps=1-40" }, /40 by 40 cells, expected at most 1024/],
  ])("refuses %j", async (options, message) => {
    await expect(plan(options)).rejects.toThrow(message)
  })
})
