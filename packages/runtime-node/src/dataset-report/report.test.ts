import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { canny, greyToRgb, preprocess, rgbToGrey } from "@lllite/core/image"
import { captionOf, drawScene, makeScene } from "@lllite/tiny"
import sharp from "sharp"
import { beforeEach, describe, expect, it, onTestFinished } from "vitest"
import type { FolderDatasetOptions } from "../dataset/dataset-config.ts"
import { datasetOfFolders } from "../dataset/dataset-config.ts"
import { openDataset } from "../dataset/open-dataset.ts"
import { blankImage } from "../images/canvas.ts"
import { writePng } from "../images/png-file.ts"
import { chooseForSheet, pairSheet } from "./pair-sheet.ts"
import type { DatasetReport } from "./report.ts"
import { reportDataset } from "./report.ts"

let folder = ""
const image = (name: string): string => join(folder, "images", name)
const control = (name: string): string => join(folder, "controls", name)
const scene = (index: number): RgbImage => drawScene(makeScene(7, index))
const edges = (index: number): RgbImage => greyToRgb(canny(rgbToGrey(scene(index)), { low: 100, high: 200 }))

/** Six pairs without any finding. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-report-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (let i = 0; i < 6; i++) {
    await writePng(image(`${i}.png`), scene(i))
    await writePng(control(`${i}.png`), edges(i))
    await writeFile(image(`${i}.txt`), captionOf(makeScene(7, i)))
  }
})

function config(options: Partial<FolderDatasetOptions> = {}) {
  const [imageDir, conditioningDataDir] = [join(folder, "images"), join(folder, "controls")]
  return datasetOfFolders({ imageDir, conditioningDataDir, resolution: 128, captionExtension: ".txt", ...options })
}

async function report(options: Partial<FolderDatasetOptions> = {}): Promise<DatasetReport> {
  return (await reportDataset(config(options))).report
}

/** Findings as `level kind: file, file`, with names instead of paths. */
function found({ findings }: DatasetReport): readonly string[] {
  return findings.map(
    ({ level, kind, files }) => `${level} ${kind}: ${files.map((path) => path.slice(folder.length + 1)).join(", ")}`,
  )
}

describe("reportDataset", () => {
  it("finds nothing in good pairs, and counts them as training does", async () => {
    const result = await report({ batchSize: 4, numRepeats: 3 })
    expect(result).toMatchObject({
      ...{ canTrain: true, pairs: 6, examples: 18, batchSize: 4, stepsPerEpoch: 5, findings: [] },
      sizes: [{ width: 128, height: 128, pictures: 6 }],
      subsets: [{ dataset: 0, subset: 0, pairs: 6, repeats: 3 }],
      captions: { count: 6, missing: 0, empty: 0 },
    })
    const dataset = await openDataset(config({ batchSize: 4, numRepeats: 3 }))
    expect([dataset.count, dataset.pictures]).toEqual([result.examples, result.pairs])
  })

  it("names every file that training refuses, with its kind", async () => {
    await truncate(image("0.png"), 400)
    await rm(control("1.png"))
    await writeFile(image("2.txt"), "\nsecond line")
    await writePng(control("3.png"), blankImage(64, 128, [0, 0, 0]))
    await writeFile(control("4.png"), "<html>")
    await writeFile(image("9.avif"), "")
    const result = await report()
    expect(result.canTrain).toBe(false)
    expect(result.pairs).toBe(1)
    expect(result.captions.empty).toBe(1)
    expect(found(result).filter((each) => each.startsWith("problem"))).toEqual([
      "problem unread-format: images/9.avif",
      "problem missing-control: images/1.png",
      "problem caption: images/2.png",
      "problem shape: controls/3.png",
      "problem picture: controls/4.png",
      "problem picture: images/0.png",
    ])
    const problems = result.findings.filter(({ level }) => level === "problem")
    expect(problems.every(({ place }) => place?.dataset === 0 && place.subset === 0)).toBe(true)
    await expect(openDataset(config())).rejects.toMatchObject({ problems: { length: problems.length } })
  })

  it("says that a folder is missing, and that options of buckets contradict each other", async () => {
    const missing = await report({ imageDir: join(folder, "none") })
    expect(missing).toMatchObject({ canTrain: false, pairs: 0, stepsPerEpoch: 0 })
    expect(missing.findings[0]?.text).toMatch(/cannot read the folder/)
    const contradiction = await report({ enableBucket: true })
    expect(contradiction.findings[0]?.text).toMatch(/a resolution of 128 x 128 is not between the sides 256/)
    const long = await report({ numRepeats: 1_000_000, imageDir: join(folder, "images") })
    expect([long.canTrain, long.examples]).toEqual([true, 6_000_000])
  })

  it("warns of controls that teach nothing or something else", async () => {
    await writePng(control("0.png"), blankImage(128, 128, [0, 0, 0]))
    await writePng(control("1.png"), scene(1))
    await writePng(control("2.png"), preprocess(edges(2), { kind: "invert" }))
    await writePng(control("3.png"), edges(4))
    const result = await report()
    expect(found(result)).toEqual([
      "warning empty-control: controls/0.png",
      "warning control-is-picture: controls/1.png",
      "warning inverted-control: controls/2.png",
      "warning duplicate-control: controls/3.png, controls/4.png",
    ])
    expect(result.canTrain).toBe(true)
    expect(result.findings[2]?.text).toMatch(/dark lines on a light ground, where 3 others are the other way round/)
  })

  it("says once that all controls are dark lines on a light ground", async () => {
    for (let i = 0; i < 6; i++) await writePng(control(`${i}.png`), preprocess(edges(i), { kind: "invert" }))
    expect(found(await report())).toEqual(["note light-ground: "])
    for (let i = 0; i < 3; i++) await writePng(control(`${i}.png`), edges(i))
    expect(found(await report())).toEqual(["warning mixed-controls: controls/3.png, controls/4.png, controls/5.png"])
  })

  it("finds equal pictures, and a copy that was resized and compressed", async () => {
    await writePng(image("6.png"), scene(0))
    await writePng(control("6.png"), edges(0))
    await sharp(image("1.png")).resize(160, 160).jpeg({ quality: 80 }).toFile(image("7.jpg"))
    await writePng(control("7.png"), preprocess(edges(1), { kind: "invert" }))
    for (const name of ["6.txt", "7.txt"]) await writeFile(image(name), "a star")
    const result = await report()
    expect(result.findings.map(({ kind, groups }) => [kind, groups?.flat().length])).toEqual([
      ["inverted-control", undefined],
      ["duplicate", 2],
      ["near-duplicate", 2],
      ["control-size", undefined],
    ])
  })

  it("warns of what files say and captions lack", async () => {
    await rm(image("0.txt"))
    await writeFile(image("1.txt"), "cat ".repeat(100))
    await sharp(image("2.png")).withMetadata({ orientation: 6 }).png().toFile(image("t.png"))
    await writePng(control("t.png"), edges(2))
    await rm(image("2.png"))
    await rm(control("2.png"))
    await sharp({ create: { width: 128, height: 128, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0.5 } } })
      .png()
      .toFile(image("3.png"))
    await writePng(image("4.png"), blankImage(40, 40, [1, 2, 3]))
    expect(found(await report())).toEqual([
      "warning no-caption: images/0.png, images/t.png",
      "warning caption-over-75: images/1.png",
      "warning plain-picture: images/3.png, images/4.png",
      "warning upscaled: images/4.png",
      "warning turned: images/t.png",
      "warning hidden: images/3.png",
      "note control-size: controls/4.png",
    ])
  })

  it("stops with the signal's reason", async () => {
    const controller = new AbortController()
    const reason = new Error("enough")
    const onProgress = (): void => controller.abort(reason)
    await expect(reportDataset(config(), { signal: controller.signal, onProgress })).rejects.toBe(reason)
  })
})

describe("pairSheet", () => {
  it("takes pairs with findings first, and the others by the seed", async () => {
    await writePng(control("3.png"), blankImage(128, 128, [0, 0, 0]))
    await truncate(image("5.png"), 300)
    const { pairs } = await reportDataset(config())
    const names = (seed: number, count: number): string =>
      chooseForSheet(pairs, { seed, count })
        .map((pair) => pair.image.slice(-5, -4))
        .join("")
    expect(names(0, 1)).toMatch(/^[35]$/)
    expect(names(0, 3)).toMatch(/^35[0124]$/)
    expect(names(0, 3)).toBe(names(0, 3))
    expect(new Set(Array.from({ length: 20 }, (_, seed) => names(seed, 3))).size).toBe(4)
    expect(names(1, 100)).toBe("350124")
    const sheet = await pairSheet(pairs, { title: "t", count: 6, seed: 0 })
    // Two groups of three rows, each with three cells of 192 pixels.
    expect(sheet.width).toBeGreaterThan(6 * 192)
    expect(sheet.height).toBeGreaterThan(3 * 192)
  })
})
