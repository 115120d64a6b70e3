import type { LlliteModel } from "@lllite/core/models"
import type { LoadProgress, RuntimeTasks } from "@lllite/core/runtime"
import type { FloatDtype, UnetLayout } from "@lllite/format"
import type { SentSource, WebTypes } from "./types.ts"

/** The tasks of the browser's worker: those of every runtime, and two for files of LLLites. */
export type WebTasks = RuntimeTasks<WebTypes> & {
  readLllite: {
    argument: { readonly source: SentSource; readonly layout: UnetLayout }
    yields: LoadProgress
    returns: LlliteModel
  }
  writeLllite: {
    argument: {
      readonly model: LlliteModel
      readonly dtype: FloatDtype
      readonly metadata: ReadonlyMap<string, string>
    }
    yields: never
    returns: Blob
  }
}
