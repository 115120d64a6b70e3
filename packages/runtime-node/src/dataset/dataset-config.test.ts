import { describe, expect, it } from "vitest"
import { datasetOfFolders, parseDatasetConfig } from "./dataset-config.ts"

const whole = `
[general]
caption_extension = "txt"
enable_bucket = true
min_bucket_reso = 64

[[datasets]]
resolution = 512
batch_size = 4

  [[datasets.subsets]]
  image_dir = "a"
  conditioning_data_dir = "ca"
  num_repeats = 3

[[datasets]]
resolution = [768, 512]
batch_size = 2
enable_bucket = false
validation_split = 0.1
validation_seed = 7

  [[datasets.subsets]]
  image_dir = "b"
  conditioning_data_dir = "cb"
  caption_extension = ".cap"
  resize_interpolation = "lanczos"
`
const least = (group = "", subset = ""): string => `
[[datasets]]
resolution = 512
${group}
[[datasets.subsets]]
image_dir = "a"
conditioning_data_dir = "ca"
${subset}
`

it.each([
  ["lanczos", "lanczos"],
  ["box", "box"],
  ["area", "area"],
  ["nearest", "nearest-exact"],
  ["bilinear", "linear"],
  ["linear", "linear"],
  ["bicubic", "cubic"],
  ["cubic", "cubic"],
] as const)("resizes by %s as OpenCV or PIL does: %s", (resizeInterpolation, kernel) => {
  const { groups } = datasetOfFolders({
    ...{ imageDir: "images", conditioningDataDir: "controls", resolution: 64, resizeInterpolation },
  })
  expect(groups[0]?.subsets[0]?.kernel).toBe(kernel)
})

describe("parseDatasetConfig", () => {
  it("takes a value from the nearest table that has it", () => {
    const { batchSize, groups } = parseDatasetConfig(whole, "set.toml", { maxBucketReso: 2048 })
    expect(batchSize).toBe(4)
    expect(groups[0]).toMatchObject({
      ...{ batchSize: 4, holdOut: null },
      resolution: [512, 512],
      buckets: { minSize: 64, maxSize: 2048, step: 64, noUpscale: false },
      subsets: [{ imageDir: "a", controlDir: "ca", captionExtension: ".txt", repeats: 3, kernel: null }],
    })
    expect(groups[1]).toMatchObject({
      ...{ batchSize: 2, holdOut: { share: 0.1, seed: 7 } },
      resolution: [768, 512],
      buckets: null,
      subsets: [{ imageDir: "b", captionExtension: ".cap", repeats: 1, kernel: "lanczos" }],
    })
  })

  it("accepts unsupported options with a value that has no effect", () => {
    const text = least("", "flip_aug = false\nkeep_tokens = 0\ncaption_dropout_rate = 0.0")
    expect(parseDatasetConfig(text, "set.toml").groups).toHaveLength(1)
  })

  it("names every option without effect once, with its first table", () => {
    const notices = (text: string, defaults = {}) =>
      parseDatasetConfig(text, "set.toml", defaults, { label: "train", nameOf: (name) => `--${name}` }).notices
    const cached = least("", "cache_info = true")
    expect(notices(cached)).toEqual([
      "set.toml: datasets[0].subsets[0]: cache_info has no effect: every run reads sizes and captions again, and writes no file beside the pictures.",
    ])
    expect(notices(cached + cached.replace('"a"', '"b"'))).toEqual([
      expect.stringMatching(/^set\.toml: datasets\[0\]\.subsets\[0\]: cache_info .* This holds for 2 tables\.$/),
    ])
    const general = "[general]\nmin_bucket_reso = 64\nmax_bucket_reso = 1024\nbucket_no_upscale = true\n"
    expect(notices(general + least())).toEqual([
      "set.toml: general: min_bucket_reso has no effect: enable_bucket is not set.",
      "set.toml: general: bucket_no_upscale has no effect: enable_bucket is not set.",
    ])
    const bucketed = least() + least("enable_bucket = true")
    expect(notices(general + bucketed)).toEqual([
      "set.toml: general: min_bucket_reso has no effect: enable_bucket is not set.",
      "set.toml: general: min_bucket_reso has no effect: bucket_no_upscale is set.",
    ])
    expect(notices(`[general]\nmin_bucket_reso = 250\nmax_bucket_reso = 1088\n${bucketed}`)).toEqual([
      "set.toml: general: min_bucket_reso is 250 and counts as 192, a multiple of the 64 of bucket_reso_steps.",
    ])
    expect(notices(least("cache_info = false"))).toEqual([])
    expect(notices(least(), { minBucketReso: 256, bucketResoSteps: 32 })).toEqual([
      "train: --bucketResoSteps has no effect: enable_bucket is not set.",
    ])
  })

  it("leaves out folders that are shown no time, and says so", () => {
    const { groups, batchSize, notices } = parseDatasetConfig(
      `${least("batch_size = 8", "num_repeats = 0")}${least("batch_size = 2").replace('"a"', '"b"')}`,
      "set.toml",
    )
    expect([groups.map(({ subsets }) => subsets.map(({ imageDir }) => imageDir)), batchSize]).toEqual([[["b"]], 2])
    expect(notices).toEqual(['"a" is left out: its num_repeats is 0.'])
  })

  it("reads the same from JSON, where null means that an option is left out", () => {
    const set = { resolution: [64, 32], batch_size: null, subsets: [{ image_dir: "a", conditioning_data_dir: "b" }] }
    const { groups, batchSize } = parseDatasetConfig(JSON.stringify({ datasets: [set] }), "set.json")
    expect(batchSize).toBe(1)
    expect(groups).toMatchObject([{ resolution: [64, 32], subsets: [{ imageDir: "a", controlDir: "b" }] }])
    expect(() => parseDatasetConfig('{"datasets": [],}', "set.json")).toThrow(
      /not valid JSON, line 1, column 17: a comma/,
    )
    expect(() => parseDatasetConfig("[{}]", "set.json")).toThrow(/is a list in JSON, expected an object/)
  })

  it("says where an option of its caller belongs", () => {
    const ownOption = (name: string): string | null => (name === "output_dir" ? "It is an option of train." : null)
    const text = `output_dir = "out"\nresolution = 64\nseed = 1\n${least()}`
    expect(() => parseDatasetConfig(text, "set.toml", {}, { ownOption })).toThrow(
      [
        "set.toml: 3 problems:",
        "  - line 1: output_dir does not belong to a file of data sets. It is an option of train.",
        "  - line 2: resolution is outside of all tables. Put it below [general].",
        "  - line 3: there is no table seed. Tables are general and datasets.",
      ].join("\n"),
    )
  })

  it("names all problems in one error", () => {
    const text = `${least("batch_size = 0", "num_repeat = 2\nis_reg = true")}\n[generl]`
    expect(() => parseDatasetConfig(text, "set.toml")).toThrow(
      [
        "set.toml: 4 problems:",
        "  - line 11: there is no table generl. Tables are general and datasets.",
        "  - datasets[0], line 4: batch_size is 0, expected a whole number from 1 to 4096",
        "  - datasets[0].subsets[0], line 8: there is no option num_repeat. Did you mean num_repeats?",
        "  - datasets[0].subsets[0], line 9: is_reg is not supported: every pair trains the LLLite, and sd-scripts' LLLite trainer refuses the key, too. Leave out this subset, or is_reg to train with its pairs.",
      ].join("\n"),
    )
  })

  it("refuses names of JavaScript's built-in properties as unknown options", () => {
    for (const name of ["toString", "constructor", "__proto__", "hasOwnProperty"]) {
      expect(() => parseDatasetConfig(least("", `${name} = 1`), "set.toml")).toThrow(`there is no option ${name}`)
    }
  })

  it.each([
    ["[[datasets", /set\.toml" is not valid TOML, line 1, column 3: /],
    ["", /datasets is missing, expected at least one table, written \[\[datasets\]\]/],
    ["[[datasets]]\nresolution = 512", /datasets\[0\], line 1: subsets is missing/],
    [least().replace("conditioning_data_dir", "#"), /subsets\[0\]: conditioning_data_dir is missing/],
    [least("", "is_reg = true"), /is_reg is not supported: every pair trains the LLLite/],
    [least("", "face_crop_aug_range = [4, 2]"), /face_crop_aug_range is \[4,2\], expected two numbers above 0/],
    [least("", "num_repeat = 2"), /no option num_repeat\. Did you mean num_repeats\?/],
    [least("", "batch_size = 2"), /no option batch_size here\. It belongs to another table/],
    [least("", "num_repeats = -1"), /num_repeats is -1, expected a whole number from 0/],
    [least("", "num_repeats = 0"), /num_repeats is 0 for all folders, expected one that is used/],
    [least("enable_bucket = 1"), /enable_bucket is 1, expected true or false/],
    [least("enable_bucket = true\nbucket_reso_steps = 48"), /bucket_reso_steps is 48, expected a multiple of 32/],
    [least().replace("512", "500"), /resolution is 500x500, expected multiples of 32\. The nearest is 512x512/],
    [least().replace("512", '"512,x"'), /resolution is "512,x", expected pixels/],
    [
      least("", 'resize_interpolation = "hamming"'),
      /resize_interpolation is "hamming", expected one of lanczos, area, nearest, /,
    ],
    [least("validation_split = 1.0"), /validation_split is 1, expected a number above 0 and below 1/],
    [`${least()}\n[[datasets.subsets]]\nimage_dir = "a"\nconditioning_data_dir = "x"`, /image_dir "a" appears twice/],
  ])("refuses %j", (text, message) => {
    expect(() => parseDatasetConfig(text, "set.toml")).toThrow(message)
  })
})

describe("datasetOfFolders", () => {
  const folders = { imageDir: "a", conditioningDataDir: "b" }

  it("takes the side of a square, or a width with a height", () => {
    expect(datasetOfFolders({ ...folders, resolution: [768, 512] }).groups[0]?.resolution).toEqual([768, 512])
    expect(datasetOfFolders({ ...folders, resolution: 640 }).groups[0]?.resolution).toEqual([640, 640])
  })

  it("names options as its caller wrote them", () => {
    const wrong = { ...folders, resolution: 640, enableBucket: true, bucketResoSteps: 48 }
    expect(() => datasetOfFolders(wrong)).toThrow(/^data set: bucketResoSteps is 48, expected a multiple of 32/)
    const names = { label: "train", nameOf: (name: string) => `--${name}` }
    expect(() => datasetOfFolders(wrong, names)).toThrow(/^train: --bucketResoSteps is 48/)
  })
})
