export { IMAGE_EXTENSIONS, type PngText, type RgbImage } from "@lllite/core/image"
export { nearest } from "@lllite/core/names"
export type {
  AdapterHandle,
  AdapterHandleUse,
  CacheRunEvent,
  CacheRunOptions,
  ControlNetHandle,
  ControlNetHandleUse,
  DeviceMemory,
  GeneratedDeltas,
  GenerateRunEvent,
  GenerateRunOptions,
  LoadOptions,
  LoadProgress,
  LoadSdxlOptions,
  LoraHandle,
  LoraHandleUse,
  LoraSource,
  SdxlHandle,
  TrainRunEvent,
  TrainRunOptions,
  TrainRunStep,
  Validation,
  ValidationOptions,
} from "@lllite/core/runtime"
export type { SavedRun } from "@lllite/core/training"
export { NODE_BACKENDS, type NodeBackend, type Precision, type WeightDtype } from "./backends/names.ts"
export { startBackend } from "./backends/start.ts"
export type { NodeRunningBackend, StartOptions } from "./backends/started-backend.ts"
export { type LoadCheckpointOptions, loadCheckpoint } from "./checkpoint.ts"
export { changingOptions } from "./dataset/caption-options.ts"
export {
  type DatasetConfig,
  type DatasetNames,
  type DatasetOptions,
  datasetOfFolders,
  datasetOfTrainFolder,
  type FolderDatasetOptions,
  parseDatasetConfig,
  pickDatasetOptions,
  readDatasetConfig,
} from "./dataset/dataset-config.ts"
export type { FileProblem, FileProblemKind, PairFiles } from "./dataset/file-problems.ts"
export { createFitter, type Fit, fitPair } from "./dataset/fit-pair.ts"
export type { BucketConfig, DatasetGroup } from "./dataset/group-config.ts"
export { mapInParallel } from "./dataset/in-parallel.ts"
export { type FolderDataset, openDataset } from "./dataset/open-dataset.ts"
export type { PairListing } from "./dataset/pair-listing.ts"
export type { Pair, PairTable } from "./dataset/pair-table.ts"
export { listPairs } from "./dataset/pairs.ts"
export { checkFolder } from "./dataset/picture-folder.ts"
export type { SubsetConfig } from "./dataset/subset-config.ts"
export {
  type BucketRow,
  CAPTION_LIMITS,
  type CaptionLengths,
  type DatasetReport,
  type Finding,
  type PairSheetOptions,
  pairSheet,
  type ReportedPair,
  type ReportOptions,
  type ReportProgress,
  reportDataset,
  type SubsetPlace,
  type SubsetReport,
} from "./dataset-report/index.ts"
export { fileError, InputError, type InputErrorCode, type InputErrorOptions } from "./errors.ts"
export { type Contents, type WriteOptions, writeAtomically } from "./files/atomic-write.ts"
export { readLlliteFile, type WriteLlliteOptions, writeLlliteFile } from "./files/lllite-file.ts"
export { modelFingerprint } from "./files/model-fingerprint.ts"
export { MADE_UP, type OpenSdxl, openAddition, openPart, openSdxl, type SdxlPaths, TINY } from "./files/open-sdxl.ts"
export type { Existing } from "./files/output-target.ts"
export { openPath, type PathOptions, type PathSource, withPath } from "./files/path-source.ts"
export { decodeText, readTextFile } from "./files/read-text.ts"
export {
  checkTrainState,
  readTrainState,
  trainStatePath,
  trainStateStep,
  writeTrainState,
} from "./files/train-state-file.ts"
export { type TryOptions, tryOutputs } from "./files/try-outputs.ts"
export { blankImage, type Colour, drawImage, drawText, overlayEdges } from "./images/canvas.ts"
export { contactSheet, type SheetOptions, type SheetRow } from "./images/contact-sheet.ts"
export { type HeatMap, heatMap } from "./images/heat-map.ts"
export { listPictures } from "./images/list-pictures.ts"
export { type PictureTrait, type PictureWithTraits, pictureNotices } from "./images/picture-traits.ts"
export { decodePngText, encodePng, encodePngWithAlpha } from "./images/png.ts"
export { readPngText, writePng } from "./images/png-file.ts"
export {
  type ExaminedImage,
  examineImage,
  type ImageSize,
  type PictureSource,
  readAlphaMask,
  readImage,
  readImageSize,
} from "./images/read-image.ts"
export type { WebpOptions } from "./images/webp-file.ts"
export { writeWebp } from "./images/webp-file.ts"
export type { LatentCacheOptions } from "./latent-cache/latent-store.ts"
export { vaeFingerprint } from "./latent-cache/vae-fingerprint.ts"
export { planTaskMemory, type TaskPlace } from "./machine/task-memory.ts"
export { planTrain, type TrainNeed, type TrainNeedPlace, type TrainNeedTask } from "./machine/train-need.ts"
export type { Problem } from "./options/problems.ts"
export { type PreprocessThreads, startPreprocessing } from "./preprocessing/threads.ts"
export { createNodeRuntime, type NodeRuntime, type NodeRuntimeOptions } from "./runtime.ts"
export { readTextEncoders, type TextEncoders } from "./text-cache/text-encoders.ts"
export type { TextCacheOptions } from "./text-cache/text-store.ts"
