import type { DatasetReport, Finding } from "@lllite/runtime-node"
import type { Problem } from "@lllite/runtime-node/options"

/** A finding with its place in the file of data sets. */
export type PlacedFinding = Omit<Finding, "place"> & Partial<Pick<Problem, "where" | "line">>

/** The result of `dataset check`. `--json` prints exactly this. */
export interface CheckReport extends Omit<DatasetReport, "findings"> {
  /** The file of data sets, or the folder of pictures. */
  readonly source: string
  /** Numbers of findings by level. */
  readonly problems: number
  readonly warnings: number
  readonly notes: number
  readonly findings: readonly PlacedFinding[]
  /** The sheet that was written. */
  readonly sheet: string | null
}
