import type { Remark } from "@lllite/core/names"
import type { FileProblem } from "./file-problems.ts"
import type { PairTable } from "./pair-table.ts"

/** The pairs of two folders or of archives, and their problems. */
export interface PairListing {
  readonly pairs: PairTable
  /** A cause of other problems comes before them. */
  readonly problems: readonly FileProblem[]
  /** What is allowed and may be a mistake. */
  readonly remarks: readonly Remark[]
  /** Pictures and controls of pairs with a problem whose headers can be read. */
  readonly readable: readonly string[]
  /** Entries of a metadata file that are used, as paths. */
  readonly entries: readonly string[]
}

/** Options of long work over files. */
export interface WatchOptions {
  readonly signal?: AbortSignal
  /** Called after every file, with the number of files done and of all. */
  readonly onProgress?: (done: number, count: number) => void
}
