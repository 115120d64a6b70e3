import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { readImage, readPngText } from "@lllite/runtime-node"
import { afterEach, beforeEach, expect, it } from "vitest"
import { createPictureFiles, type PictureNames } from "./picture-files.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-pictures-"))
})
afterEach(() => rm(folder, { recursive: true }))

const picture = (index: number, hasStages = false, fileName: string | null = null) => ({
  ...{ index, place: index % 2, fileName, seed: 7, hasStages },
  image: { width: 1, height: 1, data: new Uint8Array(3) },
})
const TEXT = new Map<string, string>()

/** The names of pictures with one stage, two stages, and a name of their own, in two runs. */
async function names(options?: PictureNames): Promise<readonly string[]> {
  const written: string[] = []
  for (const count of [2, 1]) {
    const files = createPictureFiles(folder, options)
    for (let i = 0; i < count; i++) written.push(await files.write(picture(i), TEXT))
    written.push(await files.writeFirstStage(picture(count, true), TEXT))
    written.push(await files.write(picture(count, true), TEXT))
    written.push(await files.write(picture(count + 1, false, "own.png"), TEXT))
  }
  expect((await readdir(folder)).length).toBe(written.length)
  return written.map((path) => basename(path))
}

it("names pictures by number and seed, after those of the folder", async () => {
  expect(await names()).toEqual([
    ...["im_000000_7.png", "im_000001_7.png", "im_000002_7_first.png", "im_000002_7.png", "own.png"],
    ...["im_000003_7.png", "im_000004_7_first.png", "im_000004_7.png", "own-2.png"],
  ])
})

it("names pictures by number alone from 1, with the digits of stages, as sd-scripts does", async () => {
  expect(await names({ naming: "sequential" })).toEqual([
    ...["im_000001.png", "im_000002.png", "im_0000003.png", "im_1000003.png", "own.png"],
    ...["im_000004.png", "im_0000005.png", "im_1000005.png", "own-2.png"],
  ])
})

it("names pictures by time, place and seed, with the digits of stages, as sd-scripts does", async () => {
  const now = (): Date => new Date(2026, 1, 16, 9, 3, 5)
  const dated = "im_20260216090305"
  expect(await names({ naming: "dated", now })).toEqual([
    ...[`${dated}_000_7.png`, `${dated}_001_7.png`, `${dated}_0000_7.png`, `${dated}_1000_7.png`, "own.png"],
    ...[`${dated}_000_7-2.png`, `${dated}_0001_7.png`, `${dated}_1001_7.png`, "own-2.png"],
  ])
})

it("writes a WebP where the line's name says so", async () => {
  const files = createPictureFiles(folder)
  const own = picture(0, true, "own.webp")
  const paths = [await files.writeFirstStage(own, TEXT), await files.write(own, TEXT), await files.write(own, TEXT)]
  expect(paths.map((path) => basename(path))).toEqual(["own_first.webp", "own.webp", "own-2.webp"])
  expect(files.written).toBe(2)
  expect(await readImage(paths[1] ?? "")).toMatchObject({ width: 1, height: 1 })
  await expect(readPngText(paths[1] ?? "")).rejects.toThrow("PNG")
})
