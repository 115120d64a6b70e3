import { readFile } from "node:fs/promises"
import type { ResizeKernel } from "@lllite/core/image"
import type { Size } from "@lllite/core/training"
import { parse } from "smol-toml"
import { fileError, InputError } from "../errors.ts"
import { nearest } from "./nearest.ts"

/** A folder of pictures with the folder of their controls. */
export interface SubsetConfig {
  readonly imageDir: string
  readonly controlDir: string
  /** Ending of the files that hold captions, with its dot. */
  readonly captionExtension: string
  /** Put before every caption, with a space. */
  readonly captionPrefix: string | null
  readonly captionSuffix: string | null
  /** How often every pair is shown in an epoch. */
  readonly repeats: number
  /** How pictures are resized; by the rule of `trainingKernel` when null. */
  readonly kernel: ResizeKernel | null
}

/** How pictures of any shape are sorted into sizes. */
export interface BucketConfig {
  readonly minSize: number
  readonly maxSize: number
  readonly step: number
  readonly noUpscale: boolean
}

/** Folders that are fitted in one way. */
export interface DatasetGroup {
  /** Width and height in pixels, multiples of 32. */
  readonly resolution: Size
  /** Null: every picture is cropped to the resolution. */
  readonly buckets: BucketConfig | null
  readonly subsets: readonly SubsetConfig[]
}

export interface DatasetConfig {
  readonly batchSize: number
  readonly groups: readonly DatasetGroup[]
}

/** Values by sd-scripts' names, such as `resolution` or `caption_extension`. */
export type ConfigTable = Readonly<Record<string, unknown>>

/** Where a value is looked for: the nearest table that has it wins. */
interface Lookup {
  readonly label: string
  readonly tables: readonly ConfigTable[]
}

const DATASET_KEYS = [
  "batch_size",
  "resolution",
  "enable_bucket",
  "min_bucket_reso",
  "max_bucket_reso",
  "bucket_reso_steps",
  "bucket_no_upscale",
] as const
const SUBSET_KEYS = [
  "num_repeats",
  "caption_extension",
  "caption_prefix",
  "caption_suffix",
  "resize_interpolation",
] as const
const FOLDER_KEYS = ["image_dir", "conditioning_data_dir"] as const

/** Keys of sd-scripts that this trainer has not got, with the value that asks for nothing. Any other is refused. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  validation_seed: [],
  validation_split: [0],
  network_multiplier: [1],
  shuffle_caption: [false],
  caption_separator: [","],
  keep_tokens: [0],
  keep_tokens_separator: [""],
  secondary_separator: [""],
  enable_wildcard: [false],
  cache_info: [false],
  caption_dropout_rate: [0],
  caption_dropout_every_n_epochs: [0],
  caption_tag_dropout_rate: [0],
  token_warmup_min: [1],
  token_warmup_step: [0],
  color_aug: [false],
  flip_aug: [false],
  random_crop: [false],
  face_crop_aug_range: [],
  custom_attributes: [],
}

/** The names that a data set's options may have, for people who misspell them. */
export const DATASET_OPTION_NAMES: readonly string[] = [...DATASET_KEYS, ...SUBSET_KEYS, ...FOLDER_KEYS]

/**
 * Reads a `dataset_config` file: sd-scripts' TOML of `general`, `datasets` and `subsets`. A value is taken from the
 * subset, then its dataset, then `general`, then `defaults`. Keys that mean nothing to this trainer are refused by
 * name, never skipped.
 *
 * @throws InputError naming the file, the key, what was expected and what came
 */
export async function readDatasetConfig(path: string, defaults: ConfigTable = {}): Promise<DatasetConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  return parseDatasetConfig(text, path, defaults)
}

/** As {@link readDatasetConfig}, from text. */
export function parseDatasetConfig(text: string, label: string, defaults: ConfigTable = {}): DatasetConfig {
  let top: ConfigTable
  try {
    top = parse(text)
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
    throw new InputError(`"${label}" is no valid TOML: ${reason}`, { cause })
  }
  checkKeys(top, ["general", "datasets"], label)
  const general = tableOf(top.general ?? {}, `${label}: general`)
  checkKeys(general, [...DATASET_KEYS, ...SUBSET_KEYS], `${label}: general`)
  const datasets = tablesOf(top.datasets, `${label}: datasets`)
  return joinGroups(
    datasets.map((dataset, i) => {
      const where = `${label}: datasets[${i}]`
      checkKeys(dataset, [...DATASET_KEYS, ...SUBSET_KEYS, "subsets"], where)
      const outer = { label: where, tables: [dataset, general, defaults] }
      const subsets = tablesOf(dataset.subsets, `${where}.subsets`).map((subset, j) => {
        const inside = `${where}.subsets[${j}]`
        checkKeys(subset, [...SUBSET_KEYS, ...FOLDER_KEYS], inside)
        return readSubset({ label: inside, tables: [subset, ...outer.tables] })
      })
      return readGroup(outer, subsets)
    }),
    label,
  )
}

/**
 * A data set of two folders, with options by sd-scripts' names.
 *
 * @throws InputError as {@link readDatasetConfig}
 */
export function datasetOfFolders(options: ConfigTable, label = "data set"): DatasetConfig {
  checkKeys(options, DATASET_OPTION_NAMES, label)
  const lookup = { label, tables: [options] }
  return joinGroups([readGroup(lookup, [readSubset(lookup)])], label)
}

function joinGroups(read: readonly { batchSize: number; group: DatasetGroup }[], label: string): DatasetConfig {
  const sizes = [...new Set(read.map(({ batchSize }) => batchSize))]
  const [batchSize = 1] = sizes
  if (sizes.length > 1) {
    throw new InputError(
      `${label}: the data sets have batch sizes ${sizes.join(" and ")}, expected one for all of them`,
    )
  }
  return { batchSize, groups: read.map(({ group }) => group) }
}

function readGroup(lookup: Lookup, subsets: readonly SubsetConfig[]): { batchSize: number; group: DatasetGroup } {
  const folders = subsets.map(({ imageDir }) => imageDir)
  const twice = folders.find((folder, i) => folders.indexOf(folder) !== i)
  if (twice !== undefined) {
    throw new InputError(`${lookup.label}: image_dir "${twice}" is given twice. Use num_repeats to show it more often.`)
  }
  const resolution = readResolution(lookup)
  const enabled = flag(lookup, "enable_bucket", false)
  const step = count(lookup, "bucket_reso_steps", 64)
  if (enabled && step % 32 !== 0) {
    throw new InputError(
      `${lookup.label}: bucket_reso_steps is ${step}, expected a multiple of 32, which is what an LLLite's deepest sites need`,
    )
  }
  const buckets: BucketConfig = {
    step,
    minSize: count(lookup, "min_bucket_reso", 256),
    maxSize: count(lookup, "max_bucket_reso", 1024),
    noUpscale: flag(lookup, "bucket_no_upscale", false),
  }
  if (!enabled && resolution.some((side) => side % 32 !== 0)) {
    throw new InputError(
      `${lookup.label}: resolution is ${resolution.join("x")}, expected multiples of 32. ` +
        `The nearest is ${resolution.map((side) => Math.max(32, Math.round(side / 32) * 32)).join("x")}.`,
    )
  }
  const group = { resolution, buckets: enabled ? buckets : null, subsets }
  return { batchSize: count(lookup, "batch_size", 1), group }
}

function readSubset(lookup: Lookup): SubsetConfig {
  const extension = text(lookup, "caption_extension") ?? ".caption"
  const interpolation = text(lookup, "resize_interpolation")
  if (interpolation !== null && interpolation !== "lanczos" && interpolation !== "area") {
    throw new InputError(`${lookup.label}: resize_interpolation is "${interpolation}", expected "lanczos" or "area"`)
  }
  return {
    imageDir: folder(lookup, "image_dir"),
    controlDir: folder(lookup, "conditioning_data_dir"),
    captionExtension: extension.startsWith(".") ? extension : `.${extension}`,
    captionPrefix: text(lookup, "caption_prefix"),
    captionSuffix: text(lookup, "caption_suffix"),
    repeats: count(lookup, "num_repeats", 1),
    kernel: interpolation,
  }
}

function readResolution(lookup: Lookup): Size {
  const value = find(lookup, "resolution")
  const parts = typeof value === "string" ? value.split(",").map(Number) : Array.isArray(value) ? value : [value]
  const [width, height = width] = parts as readonly unknown[]
  if (parts.length > 2 || !isCount(width) || !isCount(height)) {
    throw new InputError(
      `${lookup.label}: resolution is ${shown(value)}, expected pixels such as 1024, or [width, height]`,
    )
  }
  return [width, height]
}

function find({ tables }: Lookup, key: string): unknown {
  return tables.find((table) => table[key] !== undefined && table[key] !== null)?.[key]
}

function folder(lookup: Lookup, key: (typeof FOLDER_KEYS)[number]): string {
  const value = text(lookup, key)
  if (value === null || value === "") throw new InputError(`${lookup.label}: ${key} is missing, expected a folder`)
  return value
}

function text(lookup: Lookup, key: string): string | null {
  const value = find(lookup, key)
  if (value === undefined) return null
  if (typeof value === "string") return value
  throw new InputError(`${lookup.label}: ${key} is ${shown(value)}, expected text`)
}

function flag(lookup: Lookup, key: string, fallback: boolean): boolean {
  const value = find(lookup, key) ?? fallback
  if (typeof value === "boolean") return value
  throw new InputError(`${lookup.label}: ${key} is ${shown(value)}, expected true or false`)
}

function count(lookup: Lookup, key: string, fallback: number): number {
  const value = find(lookup, key) ?? fallback
  if (isCount(value)) return value
  throw new InputError(`${lookup.label}: ${key} is ${shown(value)}, expected a whole number of at least 1`)
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1
}

function tableOf(value: unknown, where: string): ConfigTable {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as ConfigTable
  throw new InputError(`${where} is ${shown(value)}, expected a table`)
}

function tablesOf(value: unknown, where: string): readonly ConfigTable[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new InputError(
      `${where} is ${shown(value)}, expected at least one table, written [[${where.split(".").at(-1)?.replace(/^.*: /, "")}]]`,
    )
  }
  return value.map((entry, i) => tableOf(entry, `${where}[${i}]`))
}

function checkKeys(table: ConfigTable, known: readonly string[], where: string): void {
  for (const [key, value] of Object.entries(table)) {
    if (known.includes(key)) continue
    const neutral = NEUTRAL[key]
    if (neutral?.includes(value)) continue
    if (neutral !== undefined) {
      throw new InputError(
        `${where}: ${key} = ${shown(value)} is an option of sd-scripts that is not built here. Leave it out.`,
      )
    }
    const near = nearest(key, known)
    const elsewhere = [...DATASET_OPTION_NAMES].includes(key) ? " It belongs to another table." : ""
    throw new InputError(
      `${where}: there is no option "${key}".${near !== null && elsewhere === "" ? ` Did you mean "${near}"?` : elsewhere}`,
    )
  }
}

function shown(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value)
}
