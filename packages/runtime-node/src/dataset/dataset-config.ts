import { checkArgument } from "@lllite/core/names"
import type { Size } from "@lllite/core/training"
import { InputError } from "../errors.ts"
import type { OptionTable, Settings } from "../options/option.ts"
import type { Problem } from "../options/problems.ts"
import { describeProblems } from "../options/problems.ts"
import type { Layer, SettingName } from "../options/read.ts"
import { findOption, joinLayers, readLayer } from "../options/read.ts"
import { readSettingsText } from "../settings-file/index.ts"
import { createTableReader, parseTables, placed, unknownTable } from "./config-tables.ts"
import { DATASET_OPTIONS, FOLDER_OPTIONS, GROUP_OPTIONS, SUBSET_OPTIONS } from "./dataset-options.ts"
import type { DatasetGroup, Group } from "./group-config.ts"
import { leftOut, readGroup, usedOf } from "./group-config.ts"
import { checkFolder } from "./picture-folder.ts"
import { findRepeatFolders } from "./repeat-folders.ts"
import type { DatasetReader, Place } from "./subset-config.ts"
import { readSubset } from "./subset-config.ts"
import { describeUnused, unusedOptions } from "./unused-options.ts"

export interface DatasetConfig {
  /** The most pairs in a batch of any data set. */
  readonly batchSize: number
  /** Options that have no effect, one sentence each, with the table that has them. */
  readonly notices: readonly string[]
  readonly groups: readonly DatasetGroup[]
}

type DatasetTable = typeof DATASET_OPTIONS

/** A data set's options: sd-scripts' names in camelCase, such as `captionExtension`. */
export type DatasetOptions = {
  readonly [Name in Exclude<SettingName<DatasetTable>, "resolution">]?: Settings<DatasetTable>[Name] | undefined
} & {
  /** A side of a square, or width and height, in pixels. */
  readonly resolution?: number | Size | undefined
}

/** Options of a data set of two folders. */
export type FolderDatasetOptions = DatasetOptions & { readonly imageDir: string; readonly conditioningDataDir: string }

/** Names in errors of {@link readDatasetConfig} and {@link datasetOfFolders}. */
export interface DatasetNames {
  /** The owner of the options. Default: `data set`. */
  readonly label?: string
  /** An option's name as the user wrote it. Default: the name in camelCase. */
  readonly nameOf?: (option: SettingName<DatasetTable>) => string
  /** What to do about an option that belongs to the caller, as a sentence. Null for an option that is unknown there. */
  readonly ownOption?: (name: string) => string | null
}

/**
 * Reads a `dataset_config` file: sd-scripts' TOML or JSON of `general`, `datasets` and `subsets`. A value is taken from the
 * subset, then its dataset, then `general`, then `defaults`. Unknown keys are refused by name, never skipped.
 *
 * @throws InputError with all problems: the file, the key, the expected and the received value. Beside such problems,
 * folders that cannot be read are named, too
 */
export async function readDatasetConfig(
  path: string,
  defaults: DatasetOptions = {},
  names: DatasetNames = {},
): Promise<DatasetConfig> {
  const { text, notices } = await readSettingsText(path)
  const { config, problems } = parseConfig(text, path, defaults, names)
  const all = problems.length === 0 ? [] : [...problems, ...(await unreadFolders(config))]
  refuse(path, all)
  return { ...config, notices: [...notices, ...config.notices] }
}

/** The folders of a data set that cannot be read. */
async function unreadFolders({ groups }: DatasetConfig): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  const all = groups.flatMap(({ subsets }) => subsets)
  for (const { imageDir, controlDir, place } of all.filter(({ shards }) => shards === undefined)) {
    const folders = [
      [imageDir, place?.images],
      [controlDir, place?.controls],
    ] as const
    for (const [folder, at = { where: "data set" }] of folders) {
      // A folder that is not named has a problem already.
      if (folder === "") continue
      await checkFolder(folder).catch((error: unknown) => {
        if (!(error instanceof InputError)) throw error
        problems.push({ ...at, text: error.message })
      })
    }
  }
  return problems
}

/** As {@link readDatasetConfig}, from text. */
export function parseDatasetConfig(
  text: string,
  label: string,
  defaults: DatasetOptions = {},
  names: DatasetNames = {},
): DatasetConfig {
  const { config, problems } = parseConfig(text, label, defaults, names)
  refuse(label, problems)
  return config
}

/** A data set, and what is wrong with it. An option with a problem has its default. */
interface ParsedConfig {
  readonly config: DatasetConfig
  readonly problems: readonly Problem[]
}

function parseConfig(text: string, label: string, defaults: DatasetOptions, names: DatasetNames): ParsedConfig {
  const problems: Problem[] = []
  const ignored: Problem[] = []
  const { table: top, lineOf } = parseTables(text, label)
  const known = ["general", "datasets"]
  for (const key of Object.keys(top)) {
    if (!known.includes(key)) problems.push(placed(label, lineOf(key), unknownTable(key, names)))
  }
  const layer = (table: OptionTable, entries: Record<string, unknown>, path: string, elsewhere: OptionTable): Layer => {
    const where = `${label}: ${path}`
    const lined = Object.entries(entries).map(
      ([name, value]) => [name, value, undefined, lineOf(`${path}.${name}`)] as const,
    )
    const read = readLayer(table, { where, entries: lined, elsewhere })
    ignored.push(...read.notes.map((text) => ({ where, text })))
    return read
  }
  const tables = createTableReader(label, lineOf, problems)
  const shared = { ...GROUP_OPTIONS, ...SUBSET_OPTIONS }
  const general = layer(shared, tables.one(top.general ?? {}, "general"), "general", FOLDER_OPTIONS)
  const outermost = objectLayer(defaults, names)
  problems.push(...general.problems, ...outermost.problems)
  const groups = tables.list(top.datasets, "datasets", "datasets").map(({ subsets, ...options }, i) => {
    const path = `datasets[${i}]`
    const group = layer(shared, options, path, FOLDER_OPTIONS)
    problems.push(...group.problems)
    const readSubsets = tables.list(subsets, `${path}.subsets`, "datasets.subsets").map((table, j) => {
      const inside = `${path}.subsets[${j}]`
      const subset = layer({ ...SUBSET_OPTIONS, ...FOLDER_OPTIONS }, table, inside, GROUP_OPTIONS)
      problems.push(...subset.problems)
      const where = `${label}: ${inside}`
      const at = (key: string): Place => {
        const line = lineOf(`${inside}.${key}`) ?? lineOf(inside)
        return line === undefined ? { where } : { where, line }
      }
      const place = { images: at("image_dir"), controls: at("conditioning_data_dir") }
      return readSubset(readerOf(where, [subset, group, general, outermost], problems), place)
    })
    const where = `${label}: ${path}`
    return readGroup(readerOf(where, [group, general, outermost], problems), where, readSubsets, problems)
  })
  return { config: finish(groups, ignored, label, problems), problems }
}

/**
 * A data set of two folders.
 *
 * @throws InputError with every problem there is, as {@link readDatasetConfig}
 */
export function datasetOfFolders(options: FolderDatasetOptions, names: DatasetNames = {}): DatasetConfig {
  checkArgument("data set: the options", options, "an object")
  const { label = "data set" } = names
  const problems: Problem[] = []
  const layer = objectLayer(options, names)
  problems.push(...layer.problems)
  const reader = readerOf(label, [layer], problems)
  const ignored = layer.notes.map((text) => ({ where: label, text }))
  const config = finish([readGroup(reader, label, [readSubset(reader)], problems)], ignored, label, problems)
  refuse(label, problems)
  return config
}

/**
 * A data set of a folder of training pictures and one of controls. The first may have folders `N_name`: see
 * `findRepeatFolders`.
 *
 * @throws InputError with every problem there is, as {@link readDatasetConfig}, or when a folder cannot be read
 */
export async function datasetOfTrainFolder(
  options: FolderDatasetOptions,
  names: DatasetNames = {},
): Promise<DatasetConfig> {
  const whole = datasetOfFolders(options, names)
  const { folders, notices } = await findRepeatFolders(options.imageDir, options.conditioningDataDir)
  const groups = whole.groups.map((group) => ({
    ...group,
    subsets: group.subsets.flatMap((subset) =>
      folders.map(({ imageDir, controlDir, repeats }) => ({
        ...subset,
        ...{ imageDir, controlDir, repeats: repeats ?? subset.repeats },
      })),
    ),
  }))
  return { ...whole, groups, notices: [...whole.notices, ...notices] }
}

/** The options of a data set among other settings. */
export function pickDatasetOptions(settings: DatasetOptions): DatasetOptions {
  checkArgument("data set: the options", settings, "an object")
  // Some options of a training have names that a data set refuses.
  const isTaken = (name: string): boolean => findOption(DATASET_OPTIONS, name)?.[1].fate === "taken"
  const entries = Object.entries(settings).filter(([name]) => isTaken(name))
  const layer = readLayer(DATASET_OPTIONS, { where: "data set", entries })
  return joinLayers(DATASET_OPTIONS, {
    title: "data set",
    layers: [layer],
    refuse: (text) => new InputError("dataset-options", text),
  }).finish()
}

function objectLayer(options: DatasetOptions, { label = "data set", nameOf = (name) => name }: DatasetNames): Layer {
  const isName = (name: string): name is SettingName<DatasetTable> => findOption(DATASET_OPTIONS, name) !== null
  const entries = Object.entries(options).map(
    ([name, value]) => [name, value, isName(name) ? nameOf(name) : name] as const,
  )
  return readLayer(DATASET_OPTIONS, { where: label, entries })
}

/** A reader of layers whose problems are collected already. Its further problems are added to `problems`. */
function readerOf(title: string, layers: readonly Layer[], problems: Problem[]): DatasetReader {
  const clean = layers.map((layer) => ({ ...layer, problems: [] }))
  return joinLayers(DATASET_OPTIONS, {
    title,
    layers: clean,
    report: (problem) => problems.push(problem),
    refuse: (text) => new InputError("dataset-options", text),
  })
}

/** The data set of some groups. Adds the problem that nothing is used. */
function finish(
  groups: readonly Group[],
  ignored: readonly Problem[],
  label: string,
  problems: Problem[],
): DatasetConfig {
  const used = groups.map(({ group }) => usedOf(group)).filter(({ subsets }) => subsets.length > 0)
  if (groups.length > 0 && used.length === 0) {
    problems.push({ where: label, text: "num_repeats is 0 for all folders, expected one that is used" })
  }
  const unused = unusedOptions(groups.flatMap(({ uses }) => uses))
  const said = [...ignored, ...unused, ...groups.flatMap(({ remarks }) => remarks)]
  const notices = [...describeUnused(said), ...groups.flatMap(({ group }) => leftOut(group))]
  return { batchSize: Math.max(1, ...used.map(({ batchSize }) => batchSize)), notices, groups: used }
}

/** @throws InputError if there are problems */
function refuse(label: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InputError("dataset-options", describeProblems(label, problems), { problems })
}
