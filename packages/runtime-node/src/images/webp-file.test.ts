import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import sharp from "sharp"
import { afterEach, beforeEach, expect, it } from "vitest"
import { readImage } from "./read-image.ts"
import { writeWebp } from "./webp-file.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-webp-"))
})
afterEach(() => rm(folder, { recursive: true }))

/** A smooth picture, which a lossy file keeps almost as it is. */
const image: RgbImage = {
  ...{ width: 40, height: 24 },
  data: Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => 60 + Math.floor(i / 120) * 4 + (i % 3) * 20),
}

it("writes a WebP that is read as almost the same picture", async () => {
  const path = await writeWebp(join(folder, "a.webp"), image)
  expect((await sharp(path).metadata()).format).toBe("webp")
  const { width, height, data } = await readImage(path)
  expect([width, height]).toEqual([40, 24])
  expect(Math.max(...data.map((value, i) => Math.abs(value - (image.data[i] ?? 0))))).toBeLessThan(8)
})

it("takes the next name if the name is taken", async () => {
  const paths = [1, 2].map(() => writeWebp(join(folder, "a.webp"), image, { existing: "rename", quality: 50 }))
  expect((await Promise.all(paths)).map((path) => basename(path)).sort()).toEqual(["a-2.webp", "a.webp"])
  expect((await readdir(folder)).sort()).toEqual(["a-2.webp", "a.webp"])
})
