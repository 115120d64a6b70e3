import type { ResizeKernel } from "@lllite/core/image"
import type { CaptionRules } from "@lllite/core/training"
import type { Problem } from "../options/problems.ts"
import type { OptionReader } from "../options/read.ts"
import type { AugmentConfig } from "./augmentation.ts"
import { captionRulesOf } from "./caption-options.ts"
import type { DATASET_OPTIONS } from "./dataset-options.ts"
import type { MetadataSource } from "./metadata-captions.ts"
import type { OptionUse } from "./unused-options.ts"
import { captionOptionsOf } from "./unused-options.ts"

/** A folder of pictures with the folder of their controls. */
export interface SubsetConfig {
  /** Archives that hold the pairs. `imageDir` is their pattern then, and `controlDir` too. Default: pairs are in folders */
  readonly shards?: {
    readonly pattern: string
    /** What stands between a picture's name and the ending of its control. */
    readonly control: string
    /** Pairs among which the next one is drawn. */
    readonly buffer: number
  }
  readonly imageDir: string
  readonly controlDir: string
  /** File extension of the captions, with its dot. */
  readonly captionExtension: string
  /** The file that has the captions. Null: each picture has a caption file. */
  readonly metadata: MetadataSource | null
  /** The caption of pictures without a caption file. Default: it is empty, and a notice counts them. */
  readonly classTokens?: string
  /** How captions change. */
  readonly captions: CaptionRules
  /** How often every pair is shown in an epoch. */
  readonly repeats: number
  /** How pictures are resized; by the rule of `trainingKernel` when null. */
  readonly kernel: ResizeKernel | null
  readonly augment: AugmentConfig
  /** Whether the loss of each pixel is weighed by the picture's alpha. */
  readonly alphaMask: boolean
  /** Where a file of data sets names the folders, for problems with them. */
  readonly place?: FolderPlaces
}

/** The places of a subset's folders in a file of data sets. */
export interface FolderPlaces {
  readonly images: Place
  readonly controls: Place
}

/** A table of a file, and the line in it. */
export type Place = Pick<Problem, "where" | "line">

/** Reads the options of a subset, with what it inherits. */
export type DatasetReader = OptionReader<typeof DATASET_OPTIONS>

/** A folder, and what its options belong to. */
export interface Subset {
  readonly subset: SubsetConfig
  readonly uses: readonly OptionUse[]
}

/** Kernels by sd-scripts' names. Source: sd-scripts `library/utils.py`, `resize_image`. */
const KERNELS = {
  ...{ lanczos: "lanczos", box: "box", area: "area", nearest: "nearest-exact" },
  ...{ bilinear: "linear", linear: "linear", bicubic: "cubic", cubic: "cubic" },
} as const satisfies Readonly<Record<string, ResizeKernel>>

/** The archives of a subset. Null: it has folders. The reader keeps the problems. */
function readShards({ settings, check, isGiven, nameOf }: DatasetReader): NonNullable<SubsetConfig["shards"]> | null {
  const { shards: pattern, shardControl: control, shardBuffer: buffer } = settings
  if (pattern === undefined) return null
  for (const name of ["imageDir", "conditioningDataDir", "metadataFile"] as const) {
    check([name, "shards"], () =>
      isGiven(name) ? `${nameOf(name)} and ${nameOf("shards")} do not go together. Give one subset for each` : null,
    )
  }
  check(["shardControl"], () =>
    /^[\w-]+(\.[\w-]+)*$/.test(control)
      ? null
      : `${nameOf("shardControl")} is ${JSON.stringify(control)}, expected a word such as control`,
  )
  return { pattern, control, buffer }
}

/**
 * A folder of pairs, or archives of them. The reader keeps the problems.
 *
 * @param place the tables that name the folders
 */
export function readSubset(reader: DatasetReader, place?: FolderPlaces): Subset {
  const { settings, check, nameOf } = reader
  const shards = readShards(reader)
  for (const name of shards === null ? (["imageDir", "conditioningDataDir"] as const) : []) {
    check([name], () => (settings[name] === undefined ? `${nameOf(name)} is missing, expected a folder` : null))
  }
  const { captionExtension: extension, metadataFile } = settings
  const [imageDir, controlDir] =
    shards === null
      ? ([settings.imageDir ?? "", settings.conditioningDataDir ?? ""] as const)
      : ([shards.pattern, shards.pattern] as const)
  const subset: SubsetConfig = {
    ...(shards === null ? {} : { shards }),
    ...{ imageDir, controlDir },
    captionExtension: extension.startsWith(".") ? extension : `.${extension}`,
    metadata: metadataFile === undefined ? null : { path: metadataFile, root: imageDir },
    ...(settings.classTokens === undefined ? {} : { classTokens: settings.classTokens }),
    captions: captionRulesOf(settings),
    repeats: settings.numRepeats,
    kernel: settings.resizeInterpolation === undefined ? null : KERNELS[settings.resizeInterpolation],
    augment: {
      flip: settings.flipAug,
      colour: settings.colorAug,
      randomCrop: settings.randomCrop,
      faceCrop: settings.faceCropAugRange ?? null,
    },
    alphaMask: settings.alphaMask,
    ...(place === undefined ? {} : { place }),
  }
  return { subset, uses: captionOptionsOf(reader) }
}
