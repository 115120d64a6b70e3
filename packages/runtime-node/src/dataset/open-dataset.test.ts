import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { resizeImage } from "@lllite/core/image"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { encodePng } from "../images/png.ts"
import type { DatasetOptions } from "./dataset-config.ts"
import { datasetOfFolders } from "./dataset-config.ts"
import { openDataset } from "./open-dataset.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-dataset-"))
  await mkdir(join(folder, "images"))
  await mkdir(join(folder, "controls"))
})
afterEach(() => rm(folder, { recursive: true }))

/** White, with a black column from 40 % to 60 % of the width. */
const bar = (width: number, height: number): RgbImage => {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const place = (i % width) / width
    data.fill(place >= 0.4 && place < 0.6 ? 0 : 255, 3 * i, 3 * i + 3)
  }
  return { width, height, data }
}
const put = (name: string, content: RgbImage | string): Promise<void> =>
  writeFile(join(folder, name), typeof content === "string" ? content : encodePng(content))

const pair = async (name: string, image: RgbImage, control = image, caption: string | null = `a ${name}`) => {
  await put(`images/${name}.png`, image)
  await put(`controls/${name}.png`, control)
  if (caption !== null) await put(`images/${name}.caption`, caption)
}

type Options = Omit<DatasetOptions, "imageDir" | "conditioningDataDir"> & { readonly imageDir?: string }

const open = (options: Options = {}) =>
  openDataset(
    datasetOfFolders({
      imageDir: join(folder, "images"),
      resolution: 64,
      ...options,
      conditioningDataDir: join(folder, "controls"),
    }),
  )

describe("openDataset", () => {
  it("names all pictures that have no bucket without upscaling", async () => {
    await pair("a", bar(64, 64))
    await pair("b", bar(96, 64))
    await pair("c", bar(32, 64))
    const fault = await open({ enableBucket: true, bucketNoUpscale: true }).catch((error: unknown) => error)
    expect(String(fault)).toMatch(/b\.png" cannot be fitted\. buckets: an image of 96 x 64 shrinks to 4096/)
    expect(String(fault)).toMatch(/c\.png" cannot be fitted\. buckets: an image of 32 x 64 is smaller than the step/)
    expect(String(fault)).toMatch(/One pair has no problem: .*a\.png/)
  })

  it("stops listing when it is aborted", async () => {
    await pair("a", bar(64, 64))
    const config = datasetOfFolders({
      imageDir: join(folder, "images"),
      conditioningDataDir: join(folder, "controls"),
      resolution: 64,
    })
    const signal = AbortSignal.abort(new Error("enough"))
    await expect(openDataset(config, { signal })).rejects.toThrow("enough")
  })

  it("gives class_tokens to pictures without a caption file, with the rules of captions", async () => {
    await pair("a", bar(64, 64), undefined, "of its own")
    await pair("b", bar(64, 64))
    await rm(join(folder, "images", "b.caption"), { force: true })
    const captions = async (options: Options) => {
      const { captionOf, notices } = await open(options)
      return [captionOf?.(0), captionOf?.(1), notices.length]
    }
    expect(await captions({})).toEqual(["of its own", "", 1])
    expect(await captions({ classTokens: "a bar", captionPrefix: "drawing:" })).toEqual([
      "drawing: of its own",
      "drawing: a bar",
      0,
    ])
  })

  it("gives pairs by name, fitted and with the sizes for SDXL's embedding", async () => {
    await pair("b", bar(64, 64))
    await pair("a", bar(160, 80), bar(80, 40), "first line \n")
    const dataset = await open({ captionPrefix: "drawing:" })
    expect(dataset).toMatchObject({ count: 2, pictures: 2, batchSize: 1, notices: [] })
    expect(dataset.sizes).toEqual([
      { width: 64, height: 64 },
      { width: 64, height: 64 },
    ])
    const example = await dataset.example(0)
    expect(example.name).toBe(join(folder, "images", "a.png"))
    expect(example.caption).toBe("drawing: first line")
    expect(example.size).toEqual({ original: [80, 160], crop: [16, 0], target: [64, 64] })
    expect(example.image).toMatchObject({ width: 64, height: 64 })
  })

  it("crops the control exactly as its picture", async () => {
    await pair("a", bar(160, 80))
    const { image, control } = await (await open()).example(0)
    expect(control).toEqual(image)
    // Cropped, not squeezed: the bar is a fifth of 128 pixels wide, not of 64.
    const blacks = [...image.data.subarray(0, 64 * 3)].filter((value) => value < 128).length / 3
    expect(blacks).toBeGreaterThanOrEqual(25)
  })

  it("sorts pictures into buckets when asked to", async () => {
    await pair("wide", bar(256, 64))
    await pair("square", bar(100, 100))
    const buckets = { enableBucket: true, minBucketReso: 32, maxBucketReso: 128, bucketResoSteps: 32 }
    const { sizes, example } = await open(buckets)
    expect(sizes).toEqual([
      { width: 64, height: 64 },
      { width: 128, height: 32 },
    ])
    const wide = await example(1)
    expect(wide.size).toEqual({ original: [64, 256], crop: [0, 0], target: [32, 128] })
    expect(wide.image).toMatchObject({ width: 128, height: 32 })
  })

  it("resizes a picture by the kernel that is asked for, and its control by the rule of training", async () => {
    await pair("a", bar(160, 160))
    const [usual, asked] = await Promise.all(
      [{}, { resizeInterpolation: "lanczos" } as const].map(async (options) => (await open(options)).example(0)),
    )
    expect(usual?.image).toEqual(usual?.control)
    expect(asked?.control).toEqual(usual?.control)
    expect(asked?.image).toEqual(resizeImage(bar(160, 160), 64, 64, "lanczos"))
    expect(asked?.image).not.toEqual(usual?.image)
  })

  it("shows a picture as often as num_repeats says", async () => {
    await pair("a", bar(64, 64))
    await pair("b", bar(64, 64))
    const dataset = await open({ numRepeats: 3 })
    expect(dataset).toMatchObject({ count: 6, pictures: 2 })
    const names = await Promise.all([0, 1, 2, 3, 4, 5].map(async (i) => (await dataset.example(i)).caption))
    expect(names).toEqual(["a a", "a a", "a a", "a b", "a b", "a b"])
  })

  it("refuses more repeats than an epoch can have", async () => {
    await Promise.all(Array.from({ length: 11 }, (_, i) => pair(`p${i}`, bar(64, 64))))
    await expect(open({ numRepeats: 1_000_000 })).rejects.toThrow(
      /11 pairs of ".*images", each 1000000 times, make 11000000 examples in an epoch, expected at most 10000000\./,
    )
  })

  it("reads captions of UTF-16, with a byte order mark, and with any line ends", async () => {
    await pair("a", bar(64, 64), bar(64, 64), null)
    await writeFile(join(folder, "images/a.caption"), Buffer.from("\ufeffa stár\rsecond", "utf16le"))
    await pair("b", bar(64, 64), bar(64, 64), "\ufeffa ring")
    const dataset = await open()
    expect([(await dataset.example(0)).caption, (await dataset.example(1)).caption]).toEqual(["a stár", "a ring"])
  })

  it("says so when pictures have no caption", async () => {
    await pair("a", bar(64, 64), bar(64, 64), null)
    const dataset = await open()
    expect((await dataset.example(0)).caption).toBe("")
    expect(dataset.notices).toEqual([
      expect.stringMatching(/a\.png" has no caption file\..*The extension of captions is \.caption/),
    ])
  })

  it("names options of the configuration that have no effect", async () => {
    await pair("a", bar(64, 64))
    const { notices } = await open({ minBucketReso: 32 })
    expect(notices).toEqual(["data set: minBucketReso has no effect: enable_bucket is not set."])
  })

  it("reports everything that is wrong at once, by file", async () => {
    await pair("good", bar(64, 64))
    await pair("broken", bar(64, 64))
    await put("images/broken.png", "no picture")
    await put("images/lonely.png", bar(64, 64))
    await put("controls/extra.png", bar(64, 64))
    await pair("shape", bar(64, 64), bar(64, 48))
    await pair("silent", bar(64, 64), bar(64, 64), " \n")
    await put("images/old.bmp", "BM")
    const error = await open().catch((cause: unknown) => cause)
    const { message } = error as Error
    expect(message).toMatch(/has 6 problems:/)
    expect(message).toMatch(/lonely\.png" has no control picture: ".*controls.lonely" with any extension is missing/)
    expect(message).toMatch(/broken\.png" is not a picture that can be read/)
    expect(message).toMatch(/extra\.png" has no picture of the same name and is not used/)
    expect(message).not.toMatch(/remove/i)
    expect(message).toMatch(/shape\.png" is 64x48 and its picture 64x64/)
    expect(message).toMatch(/silent\.caption": its first line is empty/)
    expect(message).toMatch(/old\.bmp" is a \.bmp picture/)
  })

  it("says it in one sentence when one thing is wrong", async () => {
    await put("controls/a.png", bar(64, 64))
    await expect(open()).rejects.toThrow(/^the data set has a problem: ".*images" has no pictures/)
    await expect(open({ imageDir: join(folder, "none") })).rejects.toThrow(
      /cannot read the folder ".*none": there is no/,
    )
  })
})
