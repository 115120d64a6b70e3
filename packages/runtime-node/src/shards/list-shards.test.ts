import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tarOf } from "../../test/write-tar.ts"
import { parseDatasetConfig } from "../dataset/dataset-config.ts"
import { openDataset } from "../dataset/open-dataset.ts"
import { encodePng } from "../images/png.ts"
import { blankImage } from "../index.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-shards-"))
})
afterAll(() => rm(folder, { recursive: true }))

const picture = async (value: number, width = 64, height = 64): Promise<Uint8Array> =>
  encodePng(blankImage(width, height, [value, 20, 90]))

/** Files of a pair. */
async function pair(key: string, value: number, more: Readonly<Record<string, Uint8Array | string>> = {}) {
  return {
    [`${key}.png`]: await picture(value),
    [`${key}.control.png`]: await picture(255 - value),
    [`${key}.txt`]: `caption ${key}\n`,
    ...more,
  }
}

const open = async (pattern: string, more = "", group = "") =>
  openDataset(
    parseDatasetConfig(
      `[[datasets]]\nresolution = 64\nbatch_size = 2\n${group}\n[[datasets.subsets]]\nshards = ${JSON.stringify(join(folder, pattern))}\n${more}`,
      "a.toml",
    ),
  )

describe("a data set of shards", () => {
  beforeAll(async () => {
    for (const [shard, keys] of [
      ["000", ["a", "b", "c"]],
      ["001", ["d", "e"]],
    ] as const) {
      const files = await Promise.all(keys.map((key, i) => pair(`${shard}/${key}`, 10 * i + Number(shard))))
      await writeFile(join(folder, `t-${shard}.tar`), tarOf(Object.assign({}, ...files)))
    }
  })

  it("has the pairs of all archives, which are read when a step needs them", async () => {
    const dataset = await open("t-{000..001}.tar", "num_repeats = 2\nflip_aug = true")
    expect([dataset.count, dataset.pictures, dataset.notices]).toEqual([10, 5, []])
    expect(dataset.reading).toEqual({ blocks: [0, 6], buffer: 4096 })
    expect(dataset.isStreamed?.(9)).toBe(true)
    const { name, caption, image, control } = await dataset.example(8)
    expect([name, caption]).toEqual([join(folder, "t-001.tar/001/e.png"), "caption 001/e"])
    expect([image.data[0], control.data[0]]).toEqual([11, 244])
    expect(dataset.augmentation?.(0)).toEqual({ flips: true, varies: false })
  })

  it("takes other names of controls and captions, and stands beside folders", async () => {
    const files = {
      "x.0.jpg.txt": "no file of a pair",
      "x.png": await picture(1),
      "x.cond.png": await picture(2),
      "x.caption": "said",
      __index__: "1",
    }
    await writeFile(join(folder, "other.tar"), tarOf(files))
    const dataset = await open("other.tar", 'shard_control = "cond"\ncaption_extension = "caption"\nshard_buffer = 3')
    expect([dataset.count, dataset.reading]).toEqual([1, { blocks: [0], buffer: 3 }])
    expect((await dataset.example(0)).caption).toBe("said")
  })

  it("names each problem with the archive and the file", async () => {
    const broken = {
      ...(await pair("good", 1)),
      "alone.png": await picture(1),
      ...(await pair("text", 2, { "text.txt": "\n" })),
      ...(await pair("shape", 3, { "shape.control.png": await picture(1, 64, 32) })),
      ...(await pair("bytes", 4, { "bytes.png": "no picture" })),
    }
    await writeFile(join(folder, "broken-0.tar"), tarOf(broken))
    await writeFile(join(folder, "broken-1.tar"), "no archive".repeat(100))
    const error = await open("broken-*.tar").catch((error: unknown) => error)
    const text = error instanceof Error ? error.message : ""
    for (const part of [
      'broken-0.tar/alone.png" has no control, expected "alone.control.png" beside it',
      'broken-0.tar/text.txt" is empty',
      'broken-0.tar/shape.control.png" is 64x32 and its picture 64x64',
      'broken-0.tar/bytes.png" is not a picture',
      'broken-1.tar" is not a tar archive',
    ]) {
      expect(text).toContain(part)
    }
    await expect(open("none-*.tar")).rejects.toThrow("no file has a name such as")
    await writeFile(join(folder, "empty.tar"), tarOf({ "a.json": "{}" }))
    await expect(open("empty.tar")).rejects.toThrow("has no pictures")
  })

  it("says once that an archive has the files of its pairs apart, and how to write it", async () => {
    const files = { "b.png": await picture(1), "a.png": await picture(2), "b.control.png": await picture(3) }
    await writeFile(join(folder, "apart.tar"), tarOf({ ...files, "a.control.png": await picture(4) }))
    const error = await open("apart.tar").catch((error: unknown) => error)
    const text = error instanceof Error ? error.message : ""
    expect(text).toContain('apart.tar" has other files between those of "b"')
    expect(text).toContain("tar --sort=name")
    expect(text).not.toContain("has no control")
    // A caption that lies before other files would be lost without a word.
    await writeFile(
      join(folder, "caption.tar"),
      tarOf({ "a.txt": "said", ...(await pair("b", 1)), ...(await pair("a", 2)) }),
    )
    await expect(open("caption.tar")).rejects.toThrow('has other files between those of "a"')
  })

  it("refuses options of folders, and caches beside pictures", async () => {
    await expect(open("t-000.tar", 'image_dir = "x"')).rejects.toThrow("image_dir and shards do not go together")
    await expect(open("t-000.tar", 'shard_control = "a/b"')).rejects.toThrow("shard_control")
    const config = parseDatasetConfig(
      `[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nshards = ${JSON.stringify(join(folder, "t-000.tar"))}`,
      "a.toml",
    )
    await expect(openDataset(config, { latentCache: { vae: "x", skipCheck: false } })).rejects.toThrow(
      "lie in archives",
    )
  })

  it("reads a broken picture at its step, and names it", async () => {
    const whole = await picture(7)
    const files = await pair("cut", 1, { "cut.png": whole.subarray(0, whole.length - 20) })
    await writeFile(join(folder, "cut.tar"), tarOf(files))
    const dataset = await open("cut.tar")
    await expect(dataset.example(0)).rejects.toThrow(`cut.tar/cut.png" is a broken picture`)
  })
})

it("mixes with folders, of which each is read as one archive", async () => {
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, "f.png"), await picture(9))
  }
  await writeFile(join(folder, "mixed.tar"), tarOf({ ...(await pair("a", 1)), ...(await pair("b", 2)) }))
  const subset = `[[datasets.subsets]]\nimage_dir = ${JSON.stringify(join(folder, "images"))}\nconditioning_data_dir = ${JSON.stringify(join(folder, "controls"))}\nclass_tokens = "x"`
  const dataset = await open("mixed.tar", subset)
  expect([dataset.count, dataset.reading?.blocks]).toEqual([3, [0, 2]])
  expect([0, 1, 2].map((index) => dataset.isStreamed?.(index))).toEqual([true, true, false])
})
