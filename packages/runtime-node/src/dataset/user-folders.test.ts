import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import sharp from "sharp"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { datasetOfFolders } from "./dataset-config.ts"
import type { FolderDataset } from "./open-dataset.ts"
import { openDataset } from "./open-dataset.ts"

// Folders as people have them: from cameras, Macs, Windows, annotators and LoRA trainings.

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-folders-"))
})
afterEach(() => rm(folder, { recursive: true }))

const put = async (name: string, content: Uint8Array | string): Promise<void> => {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), content)
}
/** Noise, so that a JPEG is long enough to break off. */
const picture = (width = 64, height = 64) =>
  sharp(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 31 + i) % 251),
    { raw: { width, height, channels: 3 } },
  )
const png = (width?: number, height?: number) => picture(width, height).png().toBuffer()
const jpeg = (width?: number, height?: number) => picture(width, height).jpeg().toBuffer()

const open = (): Promise<FolderDataset> =>
  openDataset(
    datasetOfFolders({
      imageDir: join(folder, "images"),
      conditioningDataDir: join(folder, "controls"),
      captionExtension: ".txt",
      resolution: 64,
    }),
  )
const problemOf = async (): Promise<string> => {
  const error = await open().catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(Error)
  const { message } = error as Error
  expect(message, "no advice to remove anything").not.toMatch(/remove|delete/i)
  return message
}
const pair = async (name: string): Promise<void> => {
  await put(`images/${name}.png`, await png())
  await put(`images/${name}.txt`, name)
  await put(`controls/${name}.png`, await png())
}

describe("names", () => {
  it("passes over hidden files and the litter of systems", async () => {
    await pair("00")
    for (const name of ["images/._00.png", "images/._00.txt", "controls/._00.png", "images/.DS_Store"])
      await put(name, "\0\x05\x16\x07")
    await put("images/Thumbs.db", "")
    await put("images/desktop.ini", "")
    await put("images/__MACOSX/._00.png", "")
    await put("images/__MACOSX/00.png", await png())
    expect(await open()).toMatchObject({ count: 1, notices: [] })
  })

  it("says that a folder has hidden pictures only", async () => {
    await put("images/.00.png", await png())
    await put("controls/00.png", await png())
    expect(await problemOf()).toMatch(
      /images" has no pictures.* Names that begin with a dot are passed over: 1 of them$/,
    )
  })

  it("pairs names that look the same in Unicode, with their captions, and prefers the exact name", async () => {
    const name = "が_été"
    await put(`images/${name.normalize("NFD")}.png`, await png())
    await put(`images/${name.normalize("NFC")}.txt`, "composed")
    await put(`controls/${name.normalize("NFC")}.png`, await png())
    const dataset = await open()
    expect(dataset).toMatchObject({ count: 1, notices: [] })
    expect((await dataset.example(0)).caption).toBe("composed")
  })

  it("says what stands in the place of a folder", async () => {
    await put("images", "")
    await put("controls/00.png", await png())
    expect(await problemOf()).toMatch(/images": it is a file, expected a folder\. Give the path of a folder\.$/)
  })

  it("names a folder inside that has the pictures, once, and says no more", async () => {
    for (let i = 0; i < 25; i++) {
      await put(`images/10_ring/${i}.png`, "")
      await put(`controls/${i}.png`, "")
    }
    expect(await problemOf()).toMatch(
      /^the data set has a problem: ".*images" itself has no pictures, but its folder "10_ring" has 25\. Give ".*10_ring", and 10 as num_repeats\.$/,
    )
  })

  it("says that pictures in a folder inside are not read", async () => {
    await pair("00")
    await put("images/more/01.png", await png())
    expect((await open()).notices).toEqual([
      expect.stringMatching(/images.more" holds pictures that are not read\. Make it a subset/),
    ])
  })

  it("finds controls under similar names", async () => {
    for (const name of ["a", "b", "c", "d "]) await put(`images/${name}.png`, await png())
    await put("controls/d.png", await png())
    await put("controls/a_canny.png", await png())
    await put("controls/B.png", await png())
    await put("controls/z.png", await png())
    const message = await problemOf()
    expect(message).toMatch(/a\.png" has no control picture: ".*a_canny\.png" has a similar name/)
    expect(message).toMatch(/b\.png" has no control picture: ".*B\.png" has a similar name/)
    expect(message).toMatch(/d \.png" has no control picture: ".*d\.png" has a similar name/)
    expect(message).toMatch(/c\.png" has no control picture: ".*controls.c" with any extension is missing/)
    expect(message).toMatch(
      /4 control pictures have no picture of the same name and are not used\. The first is ".*B\.png"/,
    )
  })

  it("leaves out controls that have no picture, or an earlier extension, and says so", async () => {
    await pair("00")
    await put("controls/00.webp", await picture().webp().toBuffer())
    await put("controls/01.png", await png())
    await put("controls/02.png", await png())
    expect((await open()).notices).toEqual([
      expect.stringMatching(
        /^2 control pictures have no picture of the same name and are not used\. The first is ".*01\.png"\.$/,
      ),
      expect.stringMatching(/00\.webp" is not used: another control has the same name/),
    ])
  })
})

describe("formats", () => {
  it("reads a .jfif", async () => {
    await put("images/01.jfif", await jpeg())
    await put("controls/01.JPEG", await jpeg())
    expect(await open()).toMatchObject({ count: 1 })
  })

  it("names pictures that are not read, and says nothing else about their pairs", async () => {
    await pair("00")
    for (const [image, control] of [
      ["02.tif", "02.png"],
      ["03.gif", "03.png"],
      ["04.HEIC", "04.png"],
      ["05.png", "05.bmp"],
    ] as const) {
      await put(`images/${image}`, await png())
      await put(`controls/${control}`, await png())
    }
    const message = await problemOf()
    expect(message).toMatch(/has 4 problems/)
    expect(message).toMatch(/\nOne pair has no problem: ".*00\.png"$/)
    for (const name of ["02.tif", "03.gif", "04.HEIC", "05.bmp"])
      expect(message).toContain(`${name}" is a ${name.slice(2).toLowerCase()} picture. This format is not read.`)
  })

  it("finds all pictures that are broken or of another format than their name says", async () => {
    await pair("00")
    await pair("01")
    await pair("02")
    await pair("03")
    await pair("04")
    const whole = await jpeg()
    await put("images/01.png", whole.subarray(0, whole.length - 300))
    await put("controls/02.png", (await png()).subarray(0, 200))
    await put("images/03.png", await picture().gif().toBuffer())
    await put("controls/04.png", "")
    const message = await problemOf()
    expect(message).toMatch(/has 4 problems/)
    expect(message).toMatch(/images.01\.png" is a broken picture/)
    expect(message).toMatch(/controls.02\.png" is a broken picture/)
    expect(message).toMatch(/03\.png" is not a picture that can be read, .* It is a GIF\. Save it as PNG/)
    expect(message).toMatch(/04\.png" is not a picture that can be read, .* The file is empty/)
  })
})

describe("shapes", () => {
  it("stretches a control of an annotator onto its picture, with a notice", async () => {
    await put("images/a.png", await png(64, 48))
    await put("images/a.txt", "a")
    await put("controls/a.png", await png(72, 64))
    const dataset = await open()
    expect(dataset.notices).toEqual([
      expect.stringMatching(/controls.a\.png" has another shape than its picture\. It is stretched onto the picture/),
    ])
    const { image, control } = await dataset.example(0)
    expect([control.width, control.height]).toEqual([image.width, image.height])
  })

  it("says that a control is turned", async () => {
    await put("images/a.png", await png(96, 64))
    await put("controls/a.png", await png(64, 96))
    expect(await problemOf()).toMatch(/is 64x96 and its picture 96x64, .* One of them is turned by 90 degrees/)
  })

  it("names EXIF orientation where it is the cause of another shape", async () => {
    await put("images/a.jpg", await picture(96, 64).withMetadata({ orientation: 6 }).jpeg().toBuffer())
    await put("controls/a.png", await png(64, 96))
    expect(await problemOf()).toMatch(/is 64x96 and its picture 96x64, .* EXIF orientation of the picture is the cause/)
  })
})

describe("what does not reach the pixels", () => {
  it("is said, one notice a trait, with a count and the first name", async () => {
    for (const name of ["0", "1", "2", "3", "4", "5", "6"]) await pair(name)
    const turned = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer()
    await put("images/0.png", turned)
    await put("controls/1.png", turned)
    // Black lines on a transparent ground: every pixel is black below its alpha.
    const rgba = Uint8Array.from({ length: 64 * 64 * 4 }, (_, i) => (i % 4 === 3 && i % 100 < 50 ? 255 : 0))
    await put(
      "controls/2.png",
      await sharp(rgba, { raw: { width: 64, height: 64, channels: 4 } })
        .png()
        .toBuffer(),
    )
    await put("controls/3.png", await picture().ensureAlpha(0.5).png().toBuffer())
    await put("images/4.png", await picture().toColourspace("cmyk").jpeg().toBuffer())
    await put("images/5.png", await picture().toColourspace("rgb16").png().toBuffer())
    await put("images/6.png", await picture().withIccProfile("p3").png().toBuffer())
    const { notices } = await open()
    expect(notices).toEqual([
      expect.stringMatching(
        /^2 pictures have an EXIF orientation, which is not applied\..* The first is ".*images.0\.png"\.$/,
      ),
      expect.stringMatching(/^".*controls.2\.png" is one colour without alpha\./),
      expect.stringMatching(/^".*controls.3\.png" has transparent pixels\./),
      expect.stringMatching(/^".*images.4\.png" is CMYK/),
      expect.stringMatching(/^".*images.5\.png" has 16 bits a channel/),
      expect.stringMatching(/^".*images.6\.png" has a colour profile other than sRGB/),
    ])
  })

  it("is not said of alpha that is full, or of a profile of sRGB", async () => {
    await pair("0")
    await put("images/0.png", await picture().ensureAlpha(1).withIccProfile("srgb").png().toBuffer())
    expect((await open()).notices).toEqual([])
  })
})

it("reports progress, and stops when aborted", async () => {
  await pair("00")
  await pair("01")
  const config = datasetOfFolders({
    imageDir: join(folder, "images"),
    conditioningDataDir: join(folder, "controls"),
    captionExtension: ".txt",
    resolution: 64,
  })
  const seen: string[] = []
  await openDataset(config, { onProgress: ({ phase, done, count }) => seen.push(`${phase} ${done}/${count}`) })
  expect(seen).toEqual(["list 1/2", "list 2/2", "check 1/4", "check 2/4", "check 3/4", "check 4/4"])
  const reason = new Error("stop")
  await expect(openDataset(config, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
