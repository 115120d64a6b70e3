import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { encodePng } from "../images/png.ts"
import { datasetOfTrainFolder } from "./dataset-config.ts"
import { openDataset } from "./open-dataset.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-repeats-"))
})
afterEach(() => rm(folder, { recursive: true }))

const PICTURE = encodePng({ width: 32, height: 32, data: new Uint8Array(3 * 32 * 32) })
const put = async (...paths: readonly string[]): Promise<void> => {
  for (const path of paths) {
    await mkdir(join(folder, path, ".."), { recursive: true })
    await writeFile(join(folder, path), PICTURE)
  }
}
const config = () =>
  datasetOfTrainFolder({
    ...{ imageDir: join(folder, "images"), conditioningDataDir: join(folder, "controls") },
    ...{ resolution: 32, numRepeats: 2 },
  })

it("shows the pairs of a folder N_name N times, with controls in folders of either name or in one folder", async () => {
  await put("images/3_ring/a.png", "controls/3_ring/a.png")
  await put("images/1_big star/b.png", "controls/big star/b.png")
  await put("images/2_moon_x/c.png", "controls/c.png")
  const dataset = await openDataset(await config())
  const names: string[] = []
  for (let index = 0; index < dataset.count; index++) names.push((await dataset.example(index)).name.slice(-5))
  expect(names).toEqual(["b.png", "c.png", "c.png", "a.png", "a.png", "a.png"])
  expect(dataset.notices.filter((text) => !text.includes("caption"))).toEqual([
    `The pairs of 2 folders of pictures are shown as often in an epoch as their names say. The first is "${join(folder, "images/2_moon_x")}".`,
  ])
})

it("says how often the pairs of a folder are shown, if not once", async () => {
  await put("images/3_ring/a.png", "controls/a.png")
  expect((await config()).notices).toEqual([
    `The pairs of "${join(folder, "images/3_ring")}" are shown 3 times in an epoch, as its name says.`,
  ])
  await rm(join(folder, "images/3_ring"), { recursive: true })
  await put("images/1_ring/a.png")
  expect((await config()).notices).toEqual([])
})

it("passes over folders without a number, and says so", async () => {
  await put("images/1_ring/a.png", "images/other/b.png", "images/0_none/c.png", "controls/a.png")
  const { groups, notices } = await config()
  expect(groups[0]?.subsets.map(({ repeats }) => repeats)).toEqual([1])
  expect(notices).toEqual([expect.stringContaining("2 folders of pictures are passed over")])
})

it("takes a folder with pictures as it is, with the repeats of the option", async () => {
  await put("images/a.png", "images/3_ring/b.png", "controls/a.png")
  const { groups } = await config()
  expect(groups[0]?.subsets).toMatchObject([{ imageDir: join(folder, "images"), repeats: 2 }])
})

it("names a control that no folder uses, once", async () => {
  await put("images/1_a/a.png", "images/1_b/b.png", "controls/a.png", "controls/b.png", "controls/c.png")
  const { notices } = await openDataset(await config())
  expect(notices.filter((text) => text.includes("not used"))).toEqual([
    expect.stringContaining(`"${join(folder, "controls", "c.png")}" has no picture of the same name`),
  ])
})

it("refuses a folder that is missing, by name", async () => {
  await expect(config()).rejects.toThrow(join(folder, "images"))
})
