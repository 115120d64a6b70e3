import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { encodePng } from "../images/png.ts"
import { DATASET_OPTIONS } from "../options/index.ts"
import { optionName } from "../options/read.ts"
import { changingOptions } from "./caption-options.ts"
import type { DatasetOptions } from "./dataset-config.ts"
import { datasetOfFolders, parseDatasetConfig } from "./dataset-config.ts"
import { openDataset } from "./open-dataset.ts"

const set = (general: string, group: string, ...subsets: readonly string[]): string => `
[general]
${general}
[[datasets]]
resolution = 512
${group}
${subsets
  .map((subset, i) => `[[datasets.subsets]]\nimage_dir = "${i}"\nconditioning_data_dir = "c${i}"\n${subset}`)
  .join("\n")}
`

describe("options of captions", () => {
  it("come from the subset, its dataset, general, and then the command line", () => {
    const text = set(
      "caption_dropout_rate = 0.1\nkeep_tokens = 3\nshuffle_caption = true",
      "caption_dropout_rate = 0.2",
      "caption_dropout_rate = 0\nshuffle_caption = false\nenable_wildcard = true",
      "keep_tokens_separator = '|||'\ntoken_warmup_step = 0.5\ncaption_dropout_every_n_epochs = 4",
    )
    const { groups } = parseDatasetConfig(text, "set.toml", { captionTagDropoutRate: 0.3, captionPrefix: "p" })
    expect(groups[0]?.subsets.map(({ captions }) => captions)).toEqual([
      { prefix: "p", wildcard: true, keepTokens: 3, tagDropoutRate: 0.3 },
      {
        ...{ prefix: "p", shuffle: true, keepTokens: 3, keepTokensSeparator: "|||", dropoutRate: 0.2 },
        ...{ dropoutEveryNEpochs: 4, tagDropoutRate: 0.3, warmupSteps: 0.5 },
      },
    ])
  })

  it("take spaces for a separator, and an empty one for none", () => {
    const rules = (general: string, subset: string) =>
      parseDatasetConfig(set(general, "", subset), "set.toml").groups[0]?.subsets[0]?.captions
    expect(rules("shuffle_caption = true", "caption_separator = ' '")).toEqual({ shuffle: true, separator: " " })
    expect(rules("caption_separator = ';'", "caption_separator = ''\nsecondary_separator = '  '")).toEqual({
      secondarySeparator: "  ",
    })
  })

  it("are refused out of their range, all together", () => {
    const text = set("", "", "caption_dropout_rate = 1.5\nkeep_tokens = -1\ntoken_warmup_step = nan")
    expect(() => parseDatasetConfig(text, "set.toml")).toThrow(
      /3 problems:[\s\S]*caption_dropout_rate is 1\.5, expected a number from 0 to 1[\s\S]*keep_tokens is -1[\s\S]*token_warmup_step is NaN/,
    )
  })

  it("are named where they have no effect", () => {
    const notices = (text: string): readonly string[] => parseDatasetConfig(text, "set.toml").notices
    const alone = "keep_tokens = 2\ncaption_separator = ';'\ntoken_warmup_min = 3"
    const needed = "neither shuffle_caption, caption_tag_dropout_rate nor token_warmup_step is set."
    expect(notices(set("", "", alone))).toEqual([
      `set.toml: datasets[0].subsets[0]: keep_tokens has no effect: ${needed}`,
      `set.toml: datasets[0].subsets[0]: caption_separator has no effect: ${needed}`,
      "set.toml: datasets[0].subsets[0]: token_warmup_min has no effect: token_warmup_step is not set.",
    ])
    expect(notices(set("", "", `${alone}\ntoken_warmup_step = 9`))).toEqual([])
    expect(notices(set("", "", "caption_separator = ';'\nsecondary_separator = '#'"))).toEqual([])
    // One of two subsets uses what general has.
    expect(notices(set("keep_tokens = 2", "", "", "shuffle_caption = true"))).toEqual([])
    expect(notices(set("", "", "keep_tokens = 0\ncaption_separator = ','"))).toEqual([])
  })

  it("that change captions from step to step are known by name", () => {
    expect(changingOptions({ shuffle: true, dropoutRate: 0.1, prefix: "p", keepTokens: 2 })).toEqual([
      "shuffle_caption",
      "caption_dropout_rate",
    ])
    expect(changingOptions({ dropoutRate: 0, separator: ";" })).toEqual([])
  })

  it("have their names in camelCase, too", () => {
    for (const name of Object.keys(DATASET_OPTIONS)) {
      const camel = name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      expect(optionName(camel)).toBe(name)
    }
  })
})

describe("captions of a folder", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-caption-options-"))
    for (const name of ["images", "controls"]) await mkdir(join(folder, name))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const put = async (name: string, caption: string | null): Promise<void> => {
    const picture = encodePng({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) })
    for (const part of ["images", "controls"]) await writeFile(join(folder, part, `${name}.png`), picture)
    if (caption !== null) await writeFile(join(folder, "images", `${name}.caption`), caption)
  }
  type Options = Omit<DatasetOptions, "imageDir" | "conditioningDataDir" | "resolution">
  const open = (options: Options, weightedCaptions = false) =>
    openDataset(
      datasetOfFolders({
        ...{ imageDir: join(folder, "images"), conditioningDataDir: join(folder, "controls"), resolution: 64 },
        ...options,
      }),
      { weightedCaptions },
    )

  it("change with their rules, and the data set has one text of each", async () => {
    await put("a", "red, star")
    await put("b", "one {x|y}\n\ntwo {x|y}\n")
    const dataset = await open({ enableWildcard: true, captionSuffix: "end", numRepeats: 2 })
    expect(dataset).toMatchObject({ count: 4, changingCaptions: 1, notices: [] })
    expect(dataset.captionRules).toEqual([{ wildcard: true, suffix: "end" }])
    expect(dataset.changingCaption?.(0)).toBeNull()
    expect(dataset.changingCaption?.(3)).toEqual({
      caption: "one {x|y}\ntwo {x|y}",
      rules: { wildcard: true, suffix: "end" },
    })
    const captions = await Promise.all([0, 2, 3].map(async (index) => (await dataset.example(index)).caption))
    expect(captions[0]).toBe("red, star end")
    expect(captions[1]).toMatch(/^(one|two) [xy] end$/)
    expect(captions[2]).toBe(captions[1])
  })

  it("never have the sign of tokens to keep", async () => {
    await put("a", "red ||| star")
    const dataset = await open({ keepTokensSeparator: "|||" })
    expect(dataset).toMatchObject({ changingCaptions: 0 })
    expect((await dataset.example(0)).caption).toBe("red, star")
  })

  it("are those of the picture before face detection", async () => {
    await put("face_12_34_56_78", null)
    await writeFile(join(folder, "images", "face.caption"), "a face")
    expect((await (await open({})).example(0)).caption).toBe("a face")
  })

  it("may not be empty, by the lines that are read", async () => {
    await put("a", "\nlater")
    await expect(open({})).rejects.toThrow("its first line is empty")
    expect((await (await open({ enableWildcard: true })).example(0)).caption).toBe("later")
    await put("a", "\n \n")
    await expect(open({ enableWildcard: true })).rejects.toThrow("it is empty. Write a caption there.")
  })

  it("are said to be cut by the longest text that they become, with or without weights", async () => {
    const words = Array.from({ length: 73 }, () => "star").join(" ")
    await put("a", `{x|${words} (red:1.2)}`)
    await put("b", "short")
    expect((await open({ enableWildcard: true })).notices).toEqual([expect.stringContaining("longer than 75 tokens")])
    expect((await open({ enableWildcard: true }, true)).notices).toEqual([])
  })
})
