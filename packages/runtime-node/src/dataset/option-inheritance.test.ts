import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { DatasetConfig, DatasetOptions } from "./dataset-config.ts"
import { readDatasetConfig } from "./dataset-config.ts"
import { GROUP_OPTIONS, SUBSET_OPTIONS } from "./dataset-options.ts"

// Files as users of sd-scripts write them. Source of the order: sd-scripts' `BlueprintGenerator`.

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-inheritance-"))
})
afterAll(() => rm(folder, { recursive: true }))

type Tables = Readonly<Record<"general" | "dataset" | "subset", string>>

async function read({ general, dataset, subset }: Tables, commandLine: DatasetOptions): Promise<DatasetConfig> {
  const path = join(folder, "dataset.toml")
  const text = `
[general]
${general}

[[datasets]]
${dataset}

  [[datasets.subsets]]
  image_dir = "train/images"
  conditioning_data_dir = "train/canny"
  ${subset}
`
  await writeFile(path, text)
  return readDatasetConfig(path, commandLine)
}

const group = (config: DatasetConfig) => config.groups[0]
const subset = (config: DatasetConfig) => config.groups[0]?.subsets[0]
const captions = (config: DatasetConfig) => subset(config)?.captions
const augment = (config: DatasetConfig) => subset(config)?.augment

/** An option, its values in TOML from the subset to the command line, and what reads it. The default comes last. */
interface Case {
  readonly values: readonly [string, string, string, string]
  readonly found: (config: DatasetConfig) => unknown
  readonly expected: readonly [unknown, unknown, unknown, unknown, unknown]
  /** Other options without which it does not show. */
  readonly needs?: string
}

const flag = (found: Case["found"]): Case => ({
  values: ["true", "false", "true", "false"],
  found,
  expected: [true, false, true, false, false],
})
const rule = (name: string, values: Case["values"], expected: readonly unknown[]): Case => ({
  values,
  found: (config) => (captions(config) as Readonly<Record<string, unknown>> | undefined)?.[name],
  expected: [...expected, undefined] as unknown as Case["expected"],
})
const numbers = (found: Case["found"], values: readonly number[], fallback: unknown): Case => ({
  values: values.map(String) as unknown as Case["values"],
  found,
  expected: [...values, fallback] as unknown as Case["expected"],
})
const ruleFlag = (name: string): Case =>
  rule(name, ["true", "false", "true", "false"], [true, undefined, true, undefined])
const ruleNumber = (name: string, values: readonly number[]): Case =>
  rule(name, values.map(String) as unknown as Case["values"], values)
const ruleText = (name: string): Case => rule(name, ['"a"', '"b"', '"c"', '"d"'], ["a", "b", "c", "d"])

const GROUP_CASES: Readonly<Record<string, Case>> = {
  batch_size: numbers((config) => group(config)?.batchSize, [5, 4, 3, 2], 1),
  resolution: {
    values: ["64", "[96, 64]", '"128,96"', "160"],
    found: (config) => group(config)?.resolution,
    expected: [[64, 64], [96, 64], [128, 96], [160, 160], "missing"],
  },
  enable_bucket: flag((config) => group(config)?.buckets !== null),
  min_bucket_reso: {
    ...numbers((config) => group(config)?.buckets?.minSize, [64, 128, 192, 320], 256),
    needs: "enable_bucket = true",
  },
  max_bucket_reso: {
    ...numbers((config) => group(config)?.buckets?.maxSize, [640, 768, 896, 1152], 1024),
    needs: "enable_bucket = true",
  },
  bucket_reso_steps: {
    ...numbers((config) => group(config)?.buckets?.step, [32, 64, 96, 128], 64),
    needs: "enable_bucket = true",
  },
  bucket_no_upscale: { ...flag((config) => group(config)?.buckets?.noUpscale), needs: "enable_bucket = true" },
  validation_split: numbers((config) => group(config)?.holdOut?.share, [0.1, 0.2, 0.3, 0.4], undefined),
  validation_seed: {
    ...numbers((config) => group(config)?.holdOut?.seed, [1, 2, 3, 4], null),
    needs: "validation_split = 0.5",
  },
}

const SUBSET_CASES: Readonly<Record<string, Case>> = {
  num_repeats: numbers((config) => subset(config)?.repeats, [2, 3, 4, 5], 1),
  caption_extension: {
    values: ['".a"', '"b"', '".c"', '"d"'],
    found: (config) => subset(config)?.captionExtension,
    expected: [".a", ".b", ".c", ".d", ".caption"],
  },
  caption_prefix: ruleText("prefix"),
  caption_suffix: ruleText("suffix"),
  shuffle_caption: ruleFlag("shuffle"),
  caption_separator: rule("separator", ['";"', '"|"', '"/"', '"."'], [";", "|", "/", "."]),
  keep_tokens: ruleNumber("keepTokens", [1, 2, 3, 4]),
  keep_tokens_separator: ruleText("keepTokensSeparator"),
  secondary_separator: ruleText("secondarySeparator"),
  enable_wildcard: ruleFlag("wildcard"),
  caption_dropout_rate: ruleNumber("dropoutRate", [0.1, 0.2, 0.3, 0.4]),
  caption_dropout_every_n_epochs: ruleNumber("dropoutEveryNEpochs", [1, 2, 3, 4]),
  caption_tag_dropout_rate: ruleNumber("tagDropoutRate", [0.1, 0.2, 0.3, 0.4]),
  token_warmup_min: ruleNumber("warmupMin", [2, 3, 4, 5]),
  token_warmup_step: ruleNumber("warmupSteps", [10, 20, 0.5, 40]),
  resize_interpolation: {
    values: ['"lanczos"', '"area"', '"nearest"', '"bicubic"'],
    found: (config) => subset(config)?.kernel,
    expected: ["lanczos", "area", "nearest-exact", "cubic", null],
  },
  flip_aug: flag((config) => augment(config)?.flip),
  color_aug: flag((config) => augment(config)?.colour),
  random_crop: flag((config) => augment(config)?.randomCrop),
  face_crop_aug_range: {
    values: ["[1.0, 2.0]", "[1.0, 3.0]", "[1.0, 4.0]", "[1.0, 5.0]"],
    found: (config) => augment(config)?.faceCrop,
    expected: [[1, 2], [1, 3], [1, 4], [1, 5], null],
  },
  class_tokens: { ...ruleText(""), found: (config) => subset(config)?.classTokens },
  alpha_mask: flag((config) => subset(config)?.alphaMask),
}

/** A value of TOML that is also one of JSON. */
const onCommandLine = (name: string, value: string): DatasetOptions => {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return { resolution: 64, [camel]: JSON.parse(value) as unknown }
}

describe("an option of a data set", () => {
  it.each(Object.entries(SUBSET_CASES))(
    "%s comes from the subset, the data set, general, or the command line",
    async (name, { values, found, expected }) => {
      const [inSubset, inDataset, inGeneral, given] = values
      const line = (value: string): string => `${name} = ${value}`
      const tables = { general: line(inGeneral), dataset: line(inDataset), subset: line(inSubset) }
      const commandLine = onCommandLine(name, given)
      const results = [
        await read(tables, commandLine),
        await read({ ...tables, subset: "" }, commandLine),
        await read({ ...tables, subset: "", dataset: "" }, commandLine),
        await read({ subset: "", dataset: "", general: "" }, commandLine),
        await read({ subset: "", dataset: "", general: "" }, { resolution: 64 }),
      ]
      expect(results.map(found)).toEqual(expected)
    },
  )

  it.each(Object.entries(GROUP_CASES))(
    "%s comes from the data set, general, or the command line",
    async (name, { values, found, expected, needs = "" }) => {
      const [, inDataset, inGeneral, given] = values
      const line = (value: string): string => `${name} = ${value}`
      const tables = { general: `${needs}\n${line(inGeneral)}`, dataset: line(inDataset), subset: "" }
      const commandLine = onCommandLine(name, given)
      const results = [
        await read(tables, commandLine),
        await read({ ...tables, dataset: "" }, commandLine),
        await read({ ...tables, dataset: "", general: needs }, commandLine),
      ]
      expect(results.map(found)).toEqual(expected.slice(1, 4))
      const absent = { ...tables, dataset: "", general: needs }
      if (name === "resolution") await expect(read(absent, {})).rejects.toThrow("resolution is missing")
      else expect(found(await read(absent, { resolution: 64 }))).toEqual(expected[4])
      await expect(read({ ...tables, subset: line(inDataset) }, {})).rejects.toThrow(`there is no option ${name} here`)
    },
  )

  it("is one of these, or has no effect, or is refused", () => {
    const taken = (table: Readonly<Record<string, { readonly fate: string }>>): readonly string[] =>
      Object.keys(table).filter((name) => table[name]?.fate === "taken")
    expect(taken(GROUP_OPTIONS).toSorted()).toEqual(Object.keys(GROUP_CASES).toSorted())
    expect(taken(SUBSET_OPTIONS).toSorted()).toEqual(Object.keys(SUBSET_CASES).toSorted())
  })
})
