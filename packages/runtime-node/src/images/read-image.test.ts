import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { afterAll, beforeAll, expect, it } from "vitest"
import { encodePng } from "./png.ts"
import { readPngText, writePng } from "./png-file.ts"
import { readAlphaMask, readImage, readImageSize } from "./read-image.ts"

const image = { width: 5, height: 3, data: Uint8Array.from({ length: 45 }, (_, i) => i * 5) }

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-image-"))
})
afterAll(() => rm(folder, { recursive: true }))

const save = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

it("reads what was written, pixel for pixel, with its text", async () => {
  const path = join(folder, "made", "a.png")
  await writePng(path, image, new Map([["seed", "7"]]))
  expect(await readImage(path)).toEqual(image)
  expect(await readImageSize(path)).toEqual({ width: 5, height: 3 })
  expect((await readPngText(path)).get("seed")).toBe("7")
})

it("drops alpha and leaves the colour below it as it is", async () => {
  const rgba = Uint8Array.of(10, 20, 30, 0, 40, 50, 60, 255)
  const png = await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toBuffer()
  expect([...(await readImage(await save("alpha.png", png))).data]).toEqual([10, 20, 30, 40, 50, 60])
})

it("reads where a picture is transparent, as a mask", async () => {
  const raw = { raw: { width: 2, height: 1, channels: 4 } } as const
  const png = await sharp(Uint8Array.of(10, 20, 30, 0, 40, 50, 60, 155), raw)
    .png()
    .toBuffer()
  expect(await readAlphaMask(await save("mask.png", png))).toEqual({
    width: 2,
    height: 1,
    data: Uint8Array.of(255, 100),
  })
  const opaque = await sharp(Uint8Array.of(1, 2, 3), { raw: { width: 1, height: 1, channels: 3 } })
    .png()
    .toBuffer()
  await expect(readAlphaMask(await save("opaque.png", opaque))).rejects.toThrow(
    "has no alpha. Save it with transparency",
  )
})

it("reads grey, sixteen bits, JPEG and WebP as RGB", async () => {
  const grey = sharp(Uint8Array.of(0, 128, 255), { raw: { width: 3, height: 1, channels: 1 } })
  for (const [name, picture] of [
    ["grey.png", grey.clone().toColourspace("b-w").png()],
    ["deep.png", grey.clone().toColourspace("grey16").png()],
    ["grey.jpg", grey.clone().jpeg({ quality: 100 })],
    ["grey.webp", grey.clone().webp({ lossless: true })],
  ] as const) {
    const { width, height, data } = await readImage(await save(name, await picture.toBuffer()))
    expect([width, height, data.length], name).toEqual([3, 1, 9])
    for (const [i, value] of data.entries())
      expect(Math.abs(value - ([0, 128, 255][Math.floor(i / 3)] ?? 0)), name).toBeLessThan(6)
  }
})

it("does not turn a picture by its EXIF orientation", async () => {
  const jpeg = await sharp(encodePng(image)).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  const path = await save("turned.jpg", jpeg)
  expect(await readImageSize(path)).toEqual({ width: 5, height: 3 })
  expect(await readImage(path)).toMatchObject({ width: 5, height: 3 })
})

it.each([
  ["text.png", "not a picture", /is not a picture that can be read, expected PNG, JPEG, WebP/],
  ["empty.png", "", /is not a picture.* The file is empty/],
  ["pointer.png", "version https://git-lfs.github.com/spec/v1", /a pointer of Git LFS.*git lfs pull/],
  ["page.jpg", "<!doctype html>", /It is text, such as SVG or HTML/],
  ["drawing.png", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", /is not a picture/],
  ["old.bmp", "BM..........", /It is a BMP\. Save it as PNG/],
])("refuses %s", async (name, content, message) => {
  const path = await save(name, content)
  await expect(readImage(path)).rejects.toThrow(message)
  await expect(readImageSize(path)).rejects.toThrow(path)
})

it("refuses a picture that ends too early", async () => {
  const noise = { width: 64, height: 64, data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 253) }
  const bytes = encodePng(noise)
  const path = await save("half.png", bytes.subarray(0, bytes.length / 2))
  await expect(readImage(path)).rejects.toThrow(/half\.png" is a broken picture \(.+\)/)
})

it("names a missing picture", async () => {
  await expect(readImage(join(folder, "none.png"))).rejects.toThrow(/none\.png": there is no such file/)
})

it("reads a picture whose name the disk has in another form of Unicode", async () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
  await writePng(join(folder, `${"é".normalize("NFD")}.png`), image)
  const asked = join(folder, `${"é".normalize("NFC")}.png`)
  expect(await readImage(asked)).toEqual(image)
  expect(await readImageSize(asked)).toEqual({ width: 2, height: 1 })
})
