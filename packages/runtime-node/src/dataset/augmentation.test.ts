import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { mirrorImage } from "@lllite/core/image"
import { createStream } from "@lllite/core/random"
import type { ExampleDraws } from "@lllite/core/training"
import sharp from "sharp"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { encodePng } from "../images/png.ts"
import { changeColours, faceOf } from "./augmentation.ts"
import type { DatasetOptions } from "./dataset-config.ts"
import { datasetOfFolders, parseDatasetConfig } from "./dataset-config.ts"
import { openDataset } from "./open-dataset.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-augmentation-"))
  await mkdir(join(folder, "images"))
  await mkdir(join(folder, "controls"))
})
afterEach(() => rm(folder, { recursive: true }))

/** Each pixel says where it is: red is x, green is y. */
const places = (width: number, height: number, blue = 0): RgbImage => {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data.set([i % width, Math.floor(i / width), blue], 3 * i)
  return { width, height, data }
}
const pair = async (name: string, width: number, height: number): Promise<void> => {
  await writeFile(join(folder, "images", `${name}.png`), encodePng(places(width, height, 90)))
  await writeFile(join(folder, "controls", `${name}.png`), encodePng(places(width, height, 9)))
}
const open = (options: Omit<DatasetOptions, "imageDir" | "conditioningDataDir">) =>
  openDataset(
    datasetOfFolders({
      imageDir: join(folder, "images"),
      conditioningDataDir: join(folder, "controls"),
      resolution: 64,
      ...options,
    }),
  )
const drawsOf = (seed: number): ExampleDraws => ({
  uniform: (purpose, count) => createStream(seed, purpose).uniform(count),
})
/** The place in the file of a picture's first pixel. */
const cornerOf = ({ data }: RgbImage): readonly [number, number] => [data[0] ?? -1, data[1] ?? -1]

describe("flip_aug", () => {
  it("mirrors picture and control alike, and moves the crop condition to the other side", async () => {
    await pair("a", 70, 100)
    const dataset = await open({ flipAug: true, enableBucket: true, minBucketReso: 32, bucketResoSteps: 32 })
    expect(dataset.augmentation?.(0)).toEqual({ flips: true, varies: false })
    const plain = await dataset.example(0)
    const flipped = await dataset.example(0, { isFlipped: true, draws: null })
    expect(flipped.image).toEqual(mirrorImage(plain.image))
    expect(flipped.control).toEqual(mirrorImage(plain.control))
    const [, left] = plain.size.crop
    const [, mirroredLeft] = flipped.size.crop
    const shown = plain.image.height * (70 / 100)
    expect(mirroredLeft).toBe(Math.trunc(plain.image.width - (left + Math.min(shown, plain.image.width))))
    expect(flipped.size.original).toEqual([100, 70])
  })
})

describe("random_crop", () => {
  it("cuts picture and control at the same place, anywhere in a picture of full size", async () => {
    await pair("a", 100, 90)
    const dataset = await open({ randomCrop: true })
    expect(dataset.augmentation?.(0)).toEqual({ flips: false, varies: true })
    const corners = new Set<string>()
    let [most, low] = [0, 0]
    for (let seed = 0; seed < 200; seed++) {
      const { image, control, size } = await dataset.example(0, { isFlipped: false, draws: drawsOf(seed) })
      const [left, top] = cornerOf(image)
      expect(cornerOf(control)).toEqual([left, top])
      expect(image).toMatchObject({ width: 64, height: 64 })
      expect(size).toEqual({ original: [64, 64], crop: [0, 0], target: [64, 64] })
      corners.add(`${left} ${top}`)
      most = Math.max(most, left)
      low = Math.max(low, top)
    }
    expect(corners.size).toBeGreaterThan(100)
    expect([most, low]).toEqual([36, 26])
    expect(dataset.notices.join()).toContain("All pictures change from step to step by their crop")
  })

  it("shifts the crop in a bucket along the axis that is cut, and scales a small picture up first", async () => {
    await pair("a", 100, 64)
    const bucketed = await open({ randomCrop: true, enableBucket: true, minBucketReso: 64, maxBucketReso: 64 })
    const small = await open({ randomCrop: true, resolution: 96 })
    const lefts = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const { image, control, size } = await bucketed.example(0, { isFlipped: false, draws: drawsOf(seed) })
      expect(cornerOf(image)[1]).toBe(0)
      expect(cornerOf(control)).toEqual(cornerOf(image))
      expect(size.original).toEqual([64, 100])
      lefts.add(cornerOf(image)[0])
    }
    expect(lefts.size).toBeGreaterThan(20)
    const { image, size } = await small.example(0, { isFlipped: false, draws: drawsOf(1) })
    expect(image).toMatchObject({ width: 96, height: 96 })
    expect(size.original).toEqual([64, 100])
  })

  it("does not vary where nothing is cut", async () => {
    await pair("a", 64, 64)
    const dataset = await open({ randomCrop: true })
    expect(dataset.augmentation?.(0)).toEqual({ flips: false, varies: false })
    expect(dataset.notices).toHaveLength(1)
  })
})

describe("color_aug", () => {
  it("changes the picture alone, a third of the time, and a little", async () => {
    await pair("a", 64, 64)
    const dataset = await open({ colorAug: true })
    const plain = await dataset.example(0)
    let changed = 0
    for (let seed = 0; seed < 300; seed++) {
      const { image, control } = await dataset.example(0, { isFlipped: false, draws: drawsOf(seed) })
      expect(control).toEqual(plain.control)
      if (Buffer.compare(image.data, plain.image.data) !== 0) changed += 1
    }
    expect(changed).toBeGreaterThan(70)
    expect(changed).toBeLessThan(130)
    const grey = { width: 1, height: 1, data: Uint8Array.of(128, 128, 128) }
    for (let seed = 0; seed < 100; seed++) {
      const [value = 0] = changeColours(grey, drawsOf(seed)).data
      expect(Math.abs(value - 128)).toBeLessThan(6)
    }
  })
})

describe("face_crop_aug_range", () => {
  it.each([
    ["photo_120_80_40_50", { x: 120, y: 80, width: 40, height: 50 }],
    ["a_b_120_80_40_50", { x: 120, y: 80, width: 40, height: 50 }],
    ["120_80_40_50", null],
    ["photo_120_80_40", null],
    ["photo_0_0_0_0", null],
    ["photo_1_2_x_4", null],
    ["photo_1_2_-3_4", null],
  ])("reads the face at the end of %s", (stem, face) => {
    expect(faceOf(stem)).toEqual(face)
  })

  it("has the face in the crop, at a size in the range, in picture and control", async () => {
    await pair("photo_150_60_20_20", 200, 160)
    const dataset = await open({ faceCropAugRange: [2, 4] })
    for (let seed = 0; seed < 50; seed++) {
      const { image, control } = await dataset.example(0, { isFlipped: false, draws: drawsOf(seed) })
      const columns = Array.from({ length: 64 }, (_, x) => image.data[3 * x] ?? 0)
      expect(Math.min(...columns)).toBeLessThan(145)
      expect(Math.max(...columns)).toBeGreaterThan(155)
      // The face is 20 pixels of 200, and 16 to 32 pixels of 64.
      const shown = Math.max(...columns) - Math.min(...columns)
      expect(shown).toBeGreaterThan(36)
      expect(shown).toBeLessThan(84)
      expect(cornerOf(control).map((value, axis) => Math.abs(value - (cornerOf(image)[axis] ?? 0)))).toEqual([0, 0])
    }
  })

  it("says that it has no effect in buckets, or without faces in names", async () => {
    await pair("a", 100, 100)
    expect((await open({ faceCropAugRange: [2, 4] })).notices.join()).toContain("no picture's name ends with a face")
    const bucketed = await open({ faceCropAugRange: [2, 4], enableBucket: true, minBucketReso: 64 })
    expect(bucketed.notices).toContain("face_crop_aug_range has no effect on pictures in buckets.")
  })

  it("says that names have no face also where another folder crops at random", async () => {
    await pair("a", 100, 100)
    await cp(join(folder, "images"), join(folder, "others"), { recursive: true })
    const subsets = ['images"\nface_crop_aug_range = [2, 4]', 'others"\nrandom_crop = true']
    const tables = subsets.map((subset) => {
      return `[[datasets.subsets]]\nconditioning_data_dir = "${folder}/controls"\nimage_dir = "${folder}/${subset}\n`
    })
    const text = `[[datasets]]\nresolution = 64\n${tables.join("")}`
    const { notices } = await openDataset(parseDatasetConfig(text, "set.toml"))
    expect(notices.join()).toContain("no picture's name ends with a face")
  })
})

describe("alpha_mask", () => {
  it("gives the alpha of the picture as a mask, fitted as the picture is", async () => {
    await pair("a", 128, 64)
    await pair("b", 64, 64)
    const rgba = Buffer.alloc(128 * 64 * 4, 200)
    for (let i = 0; i < 128 * 64; i++) rgba[4 * i + 3] = i % 128 < 64 ? 0 : 255
    const raw = { width: 128, height: 64, channels: 4 } as const
    await sharp(rgba, { raw })
      .png()
      .toFile(join(folder, "images", "a.png"))
    const dataset = await open({ alphaMask: true })
    const { mask } = await dataset.example(0)
    expect(mask).toMatchObject({ width: 64, height: 64 })
    // The crop shows 32 columns of each half.
    expect([mask?.data[0], mask?.data[31], mask?.data[32], mask?.data[63]]).toEqual([0, 0, 255, 255])
    expect((await dataset.example(0, { isFlipped: true, draws: null })).mask?.data[0]).toBe(255)
    expect(await dataset.example(1)).not.toHaveProperty("mask")
    expect(dataset.notices.join()).not.toContain("transparent")
  })

  it("says that it has no effect where no picture has alpha", async () => {
    await pair("a", 64, 64)
    expect((await open({ alphaMask: true })).notices).toContain(
      "alpha_mask has no effect: no picture has transparent pixels.",
    )
  })
})
