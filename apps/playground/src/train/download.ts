import { buildLlliteMetadata } from "@lllite/format/modelspec"
import type { ReadyModel } from "../page/model.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { save } from "../pictures/save.ts"
import { shownRun, trained } from "./train-state.ts"

/** Saves the trained LLLite as a file that every program for LLLite reads. */
export async function downloadTrained({ runtime }: ReadyModel): Promise<void> {
  const [result, run] = [trained.value, shownRun.value]
  if (result === null || run === null) return
  const { lllite, step } = result
  const { minTimestep, maxTimestep } = run.settings
  // Of controls from files it is not known how they were made.
  const made = run.split.trained.every(({ isMade }) => isMade) ? run.kind : null
  const metadata = buildLlliteMetadata({
    title: made === null ? "trained in a browser" : `${made}, trained in a browser`,
    date: new Date().toISOString().slice(0, 19),
    resolution: { width: SIZE, height: SIZE },
    ...(made === null ? {} : { preprocessor: made }),
    timestepRange: [minTimestep, maxTimestep],
  })
  const blob = await runtime.writeLllite(lllite, { dtype: "F32", metadata })
  save(`lllite-${made ?? "own"}-${String(step).padStart(6, "0")}.safetensors`, blob)
}
