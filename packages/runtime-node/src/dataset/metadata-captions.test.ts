import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { reportDataset } from "../dataset-report/report.ts"
import { encodePng } from "../images/png.ts"
import type { FolderDatasetOptions } from "./dataset-config.ts"
import { datasetOfTrainFolder, parseDatasetConfig } from "./dataset-config.ts"
import { joinCaption } from "./metadata-captions.ts"
import { openDataset } from "./open-dataset.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-metadata-"))
})
afterEach(() => rm(folder, { recursive: true }))

const at = (...path: readonly string[]): string => join(folder, ...path)
const PICTURE = encodePng({ width: 32, height: 32, data: new Uint8Array(3 * 32 * 32) })

/** Writes pictures with their controls. */
async function put(...paths: readonly string[]): Promise<void> {
  for (const path of paths.flatMap((name) => [`images/${name}`, `controls/${name.replace(/\.\w+$/, ".png")}`])) {
    await mkdir(at(path, ".."), { recursive: true })
    await writeFile(at(path), PICTURE)
  }
}

async function config(metadata: unknown, options: Partial<FolderDatasetOptions> = {}) {
  await writeFile(at("meta.json"), typeof metadata === "string" ? metadata : JSON.stringify(metadata))
  const folders = { imageDir: at("images"), conditioningDataDir: at("controls"), metadataFile: at("meta.json") }
  return datasetOfTrainFolder({ ...folders, resolution: 32, ...options })
}

async function open(metadata: unknown, options: Partial<FolderDatasetOptions> = {}) {
  const dataset = await openDataset(await config(metadata, options))
  const captions: Record<string, string> = {}
  for (let index = 0; index < dataset.count; index++) {
    const { name, caption } = await dataset.example(index)
    captions[name.slice(at("images").length + 1)] = caption
  }
  return { captions, notices: dataset.notices }
}

describe("the caption of an entry", () => {
  const captionOf = (caption: string, tags: string, rules = {}) => joinCaption({ caption, tags }, rules).text

  it("is followed by the tags, as sd-scripts joins them", () => {
    expect(captionOf("a ring", "red, round")).toBe("a ring,red, round")
    expect(captionOf("a ring", "red; round", { separator: ";" })).toBe("a ring;red; round")
    expect([captionOf("a ring", ""), captionOf("", "red"), captionOf(" ", "\n")]).toEqual(["a ring", "red", ""])
  })

  it("has the tags in each line with wildcards", () => {
    expect(captionOf("one\n\ntwo", "x\ny", { wildcard: true })).toBe("one,x,y\ntwo,x,y")
    expect(captionOf("", "x", { wildcard: true })).toBe("x")
  })

  it("keeps its first line and its tags without wildcards, and says that lines were cut", () => {
    expect(joinCaption({ caption: "one\ntwo", tags: "x" }, {})).toEqual({ text: "one,x", isCut: true })
    expect(joinCaption({ caption: "\none\n", tags: "" }, {})).toEqual({ text: "one", isCut: false })
  })
})

describe("a metadata file", () => {
  it("has captions by name, by file name, by path and by absolute path", async () => {
    await put("a.v1.png", "b.png", "c.webp.png", "d\u00e9.png")
    await symlink(at("images"), at("link"))
    const { captions, notices } = await open(
      {
        "a.v1": { caption: "one", tags: "x" },
        "b.png": { caption: "two" },
        [at("images", "c.webp.png")]: { tags: "three" },
        "./de\u0301": { caption: "four" },
      },
      { imageDir: at("link") },
    )
    expect(Object.values(captions)).toEqual(["one,x", "two", "three", "four"])
    expect(notices).toEqual([])
  })

  it("has captions by path from the working folder, as sd-scripts' tools write them", async () => {
    await put("a.png", "b.png")
    const fromHere = (name: string): string => relative(process.cwd(), at("images", name))
    const { captions, notices } = await open({
      [fromHere("a.png")]: { caption: "one" },
      [fromHere("b")]: { caption: "two" },
    })
    expect([captions, notices]).toEqual([{ "a.png": "one", "b.png": "two" }, []])
  })

  it("chooses the pictures, and a notice says what is not used", async () => {
    await put("a.png", "b.png", "c.png", "d.png")
    await writeFile(at("images", "a.caption"), "another")
    const { captions, notices } = await open(
      {
        a: { caption: "one\nmore", train_resolution: [32, 32] },
        b: {},
        "ghost\n": { caption: "x" },
        "/elsewhere/a.png": { caption: "y" },
      },
      { captionExtension: ".txt" },
    )
    expect(captions).toEqual({ "a.png": "one", "b.png": "" })
    expect(notices).toEqual([
      "data set: captionExtension has no effect: captions come from metadataFile.",
      `"${at("images", "b.png")}" has neither caption nor tags in the metadata file. Training uses an empty caption.`,
      `The caption of "${at("images", "a.png")}" has several lines in the metadata file. Only the first is read, and the tags.`,
      `2 pictures have no entry in the metadata file and are not used. The first is "${at("images", "c.png")}".`,
      expect.stringMatching(
        /^2 entries of the metadata file are not used: there is no such picture in the folders\. .*ghost/,
      ),
      `"${at("meta.json")}" has train_resolution, which is not read. Buckets follow from the pictures.`,
    ])
  })

  it("serves several folders N_name, from each or from the whole", async () => {
    await put("1_x/a.png", "2_y/b.png", "2_y/c.png")
    const entries = { a: { caption: "one" }, "2_y/b.png": { caption: "two" }, "2_y/c": { tags: "three" }, d: {} }
    const { captions, notices } = await open(entries)
    expect(captions).toEqual({ "1_x/a.png": "one", "2_y/b.png": "two", "2_y/c.png": "three" })
    expect(notices).toEqual([
      `The pairs of "${at("images", "2_y")}" are shown 2 times in an epoch, as its name says.`,
      `The entry of the metadata file for "${at("images", "d")}" is not used: there is no such picture in the folders.`,
    ])
    const { report } = await reportDataset(await config(entries))
    expect(report.findings.filter(({ kind }) => kind === "unused-entry")).toMatchObject([{ level: "warning" }])
  })

  it("belongs to a subset", async () => {
    await put("a.png")
    await writeFile(at("meta.json"), '{"a": {"caption": "one"}}')
    const subset = { image_dir: at("images"), conditioning_data_dir: at("controls"), metadata_file: at("meta.json") }
    const text = JSON.stringify({ datasets: [{ resolution: 32, subsets: [subset] }] })
    const dataset = await openDataset(parseDatasetConfig(text, "set.json"))
    expect(dataset.captionOf?.(0)).toBe("one")
    const wrong = JSON.stringify({
      general: { metadata_file: "m.json" },
      datasets: [{ resolution: 32, subsets: [subset] }],
    })
    expect(() => parseDatasetConfig(wrong, "set.json")).toThrow("metadata_file")
  })

  it("is refused with all of its problems at once, and those of the pictures", async () => {
    await put("a.png", "b.png", "c.png")
    await rm(at("controls", "b.png"))
    const wrong = { a: {}, "a.png": {}, b: { caption: "two" }, c: { caption: 3 } }
    const message = await open(wrong).then(String, (error: Error) => error.message)
    expect(message).toContain("the data set has 3 problems")
    expect(message).toContain(`has two entries for "${at("images", "a.png")}": "a" and "a.png". Keep one.`)
    expect(message).toContain('entry "c": caption is 3, expected a text')
    expect(message).toContain(`"${at("images", "b.png")}" has no control picture`)
    const { report } = await reportDataset(await config(wrong))
    const kinds = report.findings.filter(({ level }) => level !== "note").map(({ kind }) => kind)
    expect(kinds).not.toContain("unlisted-picture")
  })

  it("is refused when it is broken, missing, or names no picture", async () => {
    await put("a.png", "b.png")
    await rm(at("controls", "b.png"))
    const broken = await open("{").then(String, (error: Error) => error.message)
    expect(broken).toContain("2 problems")
    expect(broken).toContain(`"${at("meta.json")}" is not valid JSON`)
    expect(broken).toContain("has no control picture")
    await expect(open({ "/other/a.png": {} })).rejects.toThrow(
      `no entry of the metadata file "${at("meta.json")}" is for a picture of "${at("images")}". Its first key is "/other/a.png", expected a name in this folder such as "a.png", or an absolute path.`,
    )
    await expect(open({ a: {} }, { metadataFile: at("nowhere.json") })).rejects.toThrow("there is no such file")
    const { report } = await reportDataset(await config("{"))
    expect(report.findings.map(({ kind }) => kind)).toContain("metadata")
    expect(report.canTrain).toBe(false)
  })
})
