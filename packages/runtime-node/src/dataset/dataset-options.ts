import { TRAIN_RANGES } from "@lllite/core/names"
import { choice, file, flag, folder, integer, number, pixels, seed, text } from "../options/kinds.ts"
import { ignored, refused } from "../options/option.ts"
import { CAPTION_OPTIONS } from "./caption-options.ts"
import { faceRange } from "./face-range.ts"

/** Options of a data set whose pictures are fitted in one way, by sd-scripts' names. */
export const GROUP_OPTIONS = {
  batch_size: integer({
    default: 1,
    ...TRAIN_RANGES.batchSize,
    help: "Pairs in a step. Each data set may have its own.",
  }),
  resolution: pixels({
    help: "Size of pictures for training, in pixels. Without buckets, it is a multiple of 32.",
  }),
  enable_bucket: flag({ help: "Sort pictures into sizes of several shapes. Default: crop all to one size." }),
  min_bucket_reso: integer({ default: 256, min: 1, max: 65536, help: "Shortest side of a bucket, in pixels." }),
  max_bucket_reso: integer({ default: 1024, min: 1, max: 65536, help: "Longest side of a bucket, in pixels." }),
  bucket_reso_steps: integer({
    default: 64,
    min: 1,
    max: 65536,
    help: "Sides of buckets are multiples of this. It is itself a multiple of 32.",
  }),
  bucket_no_upscale: flag({ help: "Never enlarge a picture." }),
  validation_split: number({
    above: 0,
    below: 1,
    nothing: [0],
    help: "Share of the pairs that are held out. The run measures itself on them, and does not train on them. Data sets with the same share and seed are taken together.",
  }),
  validation_seed: seed({ otherwise: "seed", help: "Seed that chooses the held-out pairs, and their noise." }),
  network_multiplier: ignored("sd-scripts' LLLite trainer ignores it, too", { nothing: [1] }),
}

/** Options of a folder of pictures. A data set may give them for all of its folders. */
export const SUBSET_OPTIONS = {
  num_repeats: integer({
    default: 1,
    min: 0,
    max: 1_000_000,
    help: "How often each pair appears in an epoch. With 0, the folder is left out.",
  }),
  ...CAPTION_OPTIONS,
  resize_interpolation: choice(["lanczos", "area", "nearest", "bilinear", "linear", "bicubic", "cubic", "box"], {
    help: "Filter that resizes pictures, as in OpenCV, and for lanczos and box as in PIL. linear and cubic are bilinear and bicubic.",
    otherwise: "area to shrink, lanczos to enlarge",
  }),
  flip_aug: flag({ help: "Mirror every other pair, on average, from left to right: the picture with its control." }),
  color_aug: flag({ help: "Change the colours of one picture in three a little. Pictures are encoded at every step." }),
  random_crop: flag({
    help: "Crop pairs at a random place, and not at the centre. Pictures are encoded at every step.",
  }),
  face_crop_aug_range: faceRange({
    help: "Crop around the face that a name ends with, as name_X_Y_WIDTH_HEIGHT. Without buckets.",
  }),
  cache_info: ignored("every run reads sizes and captions again, and writes no file beside the pictures"),
  custom_attributes: ignored("sd-scripts' LLLite trainer ignores them, too"),
  // Options of sets of other trainers.
  class_tokens: text({
    help: "Caption of pictures without a caption file. sd-scripts' LLLite trainer refuses it.",
  }),
  is_reg: refused("every pair trains the LLLite, and sd-scripts' LLLite trainer refuses the key, too", {
    instead: "Leave out this subset, or is_reg to train with its pairs.",
  }),
  alpha_mask: flag({
    help: "Weigh the loss of each pixel by the picture's alpha. sd-scripts' LLLite trainer ignores it.",
  }),
  prior_loss_weight: ignored("there are no regularisation pictures", { nothing: [1] }),
}

/** The two folders of a subset, or its archives, and a file for its captions. */
export const FOLDER_OPTIONS = {
  image_dir: folder({ help: "Folder of pictures, with their captions." }),
  conditioning_data_dir: folder({ help: "Folder of control pictures with the same names." }),
  shards: text({
    valueName: "pattern",
    help: "Tar archives of pairs as WebDataset writes them, in place of the two folders: train-{000..999}.tar or train-*.tar. Pictures are encoded at every step.",
  }),
  shard_control: text({
    default: "control",
    help: "What stands in a shard before the ending of a control: 000001.control.png beside 000001.jpg.",
  }),
  shard_buffer: integer({
    default: 4096,
    min: 1,
    max: 1_000_000,
    help: "Pairs of shards among which the next one is drawn. With 1, shards are shuffled and their pairs are not.",
  }),
  metadata_file: file({
    help: "Metadata JSON of fine-tuning, with captions and tags. It replaces caption files. Pictures without an entry are not used. sd-scripts' LLLite trainer refuses it.",
  }),
}

/** All options of a data set. */
export const DATASET_OPTIONS = { ...GROUP_OPTIONS, ...SUBSET_OPTIONS, ...FOLDER_OPTIONS }

type NameOf = (option: "resolution" | "enableBucket" | "bucketResoSteps") => string

/** The problem of a resolution, or null. @param nameOf spells an option as the user wrote it */
export function resolutionProblem(
  resolution: readonly [number, number] | undefined,
  enableBucket: boolean,
  nameOf: NameOf,
): string | null {
  if (resolution === undefined) return `${nameOf("resolution")} is missing, expected pixels such as 1024`
  if (enableBucket || resolution.every((side) => side % 32 === 0)) return null
  const near = resolution.map((side) => Math.max(32, Math.round(side / 32) * 32))
  return `${nameOf("resolution")} is ${resolution.join("x")}, expected multiples of 32. The nearest is ${near.join("x")}. For other sizes, use ${nameOf("enableBucket")}.`
}

/** The problem of the distance between sides of buckets, or null. @param nameOf spells an option as the user wrote it */
export function bucketStepProblem(step: number, enableBucket: boolean, nameOf: NameOf): string | null {
  if (!enableBucket || step % 32 === 0) return null
  return `${nameOf("bucketResoSteps")} is ${step}, expected a multiple of 32. The deepest sites of an LLLite need it`
}
