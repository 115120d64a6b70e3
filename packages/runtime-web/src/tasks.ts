import type { LlliteModel } from "@lllite/core/models"
import type { LoadProgress, RuntimeTasks } from "@lllite/core/runtime"
import type { SavedRun } from "@lllite/core/training"
import type { FloatDtype, UnetLayout } from "@lllite/format"
import type { SdxlPlan, SentHeader, SentSource, TrainNeed, TrainNeedTask, WebTypes } from "./types.ts"

/** The tasks of the browser's worker: those of every runtime, those for files of LLLites and runs, and the planner. */
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
  readTrainState: {
    argument: { readonly source: SentSource; readonly layout: UnetLayout }
    yields: LoadProgress
    returns: SavedRun
  }
  writeTrainState: { argument: SavedRun; yields: never; returns: Blob }
  planSdxl: {
    argument: { readonly source: SentSource; readonly side: number }
    yields: never
    returns: SdxlPlan
  }
  planTrain: {
    argument: { readonly header: SentHeader; readonly task: TrainNeedTask }
    yields: never
    returns: TrainNeed
  }
}
