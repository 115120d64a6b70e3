// A check of a data set before training.
export type { BucketRow } from "./bucket-table.ts"
export { CAPTION_LIMITS, type CaptionLengths } from "./caption-lengths.ts"
export type { Finding, SubsetPlace } from "./findings.ts"
export { type PairSheetOptions, pairSheet } from "./pair-sheet.ts"
export {
  type DatasetReport,
  type ReportedPair,
  type ReportOptions,
  type ReportProgress,
  reportDataset,
  type SubsetReport,
} from "./report.ts"
