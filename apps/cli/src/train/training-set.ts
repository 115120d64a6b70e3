import type { DatasetConfig } from "@lllite/runtime-node"
import { checkFolder, datasetOfTrainFolder, pickDatasetOptions, readDatasetConfig } from "@lllite/runtime-node"
import { findOption } from "@lllite/runtime-node/options"
import { TRAIN_OPTIONS } from "./options/index.ts"
import type { DatasetSettings, TrainSettings } from "./settings.ts"

/** The settings of `train` that are about its data set. */
export type TrainingSetSettings = Parameters<typeof pickDatasetOptions>[0] &
  Pick<TrainSettings, "trainBatchSize" | "datasetRepeats" | "inJson"> &
  Partial<Pick<TrainSettings, "compat">> & { readonly dataset: DatasetSettings }

/** Who reads the data set, for problems. */
export interface TrainingSetReader {
  /** The command. */
  readonly label: string
  /** What to do about an option of train that stands in a file of data sets. */
  readonly ownOption: string
}

/** The part of an option reader that is needed here. */
interface FolderReader {
  examine<T>(keys: readonly ("trainDataDir" | "conditioningDataDir")[], work: () => Promise<T>): Promise<T | null>
}

/** Examines whether the folders of options can be read, each as the problem of its own option. */
export async function examineFolders({ examine }: FolderReader, { source }: DatasetSettings): Promise<boolean> {
  if ("config" in source) return true
  const isRead = async (key: "trainDataDir" | "conditioningDataDir", path: string): Promise<boolean> => {
    // A folder that is not named has a problem already.
    if (path === "") return false
    return (await examine([key], () => checkFolder(path).then(() => true))) === true
  }
  const [images, controls] = [
    await isRead("trainDataDir", source.imageDir),
    await isRead("conditioningDataDir", source.conditioningDataDir),
  ]
  return images && controls
}

/** The data set that options of `train` name. @throws InputError with all problems of its file and options */
export async function trainingSetConfig(
  settings: TrainingSetSettings,
  { label, ownOption }: TrainingSetReader,
): Promise<DatasetConfig> {
  const { source, nameOf } = settings.dataset
  const { trainBatchSize: batchSize, datasetRepeats: numRepeats, inJson } = settings
  const options = pickDatasetOptions({ ...settings, batchSize, numRepeats })
  const names = {
    ...{ label, nameOf },
    ownOption: (name: string) => (findOption(TRAIN_OPTIONS, name) === null ? null : ownOption),
  }
  const config =
    "config" in source
      ? await readDatasetConfig(source.config, options, names)
      : await datasetOfTrainFolder(
          { ...options, ...source, ...(inJson === undefined ? {} : { metadataFile: inJson }) },
          names,
        )
  return settings.compat === undefined ? config : withCaptionCompat(config, settings.compat)
}

/** The data set with captions that follow a program in its mistakes, too. */
function withCaptionCompat(config: DatasetConfig, compat: "sd-scripts"): DatasetConfig {
  const groups = config.groups.map(({ subsets, ...group }) => ({
    ...group,
    subsets: subsets.map((subset) => ({ ...subset, captions: { ...subset.captions, compat } })),
  }))
  return { ...config, groups }
}
