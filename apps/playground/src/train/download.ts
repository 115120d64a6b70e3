import { buildLlliteMetadata } from "@lllite/format/modelspec"
import type { ReadyModel } from "../page/model.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { save } from "../pictures/save.ts"
import type { RunPlan } from "./saved-runs.ts"
import { shownRun, type Trained, trained } from "./train-state.ts"

/** What controls are made by. Null: of controls from files it is not known. */
function madeBy({ split, kind }: RunPlan): RunPlan["kind"] | null {
  return split.trained.every(({ isMade }) => isMade) ? kind : null
}

/** The trained LLLite as a file that every program for LLLite reads. */
export function trainedFile(
  runtime: Pick<ReadyModel["runtime"], "writeLllite">,
  { lllite }: Pick<Trained, "lllite">,
  run: RunPlan,
): Promise<Blob> {
  const { minTimestep, maxTimestep } = run.settings
  const made = madeBy(run)
  const metadata = buildLlliteMetadata({
    title: made === null ? "trained in a browser" : `${made}, trained in a browser`,
    date: new Date().toISOString().slice(0, 19),
    resolution: { width: SIZE, height: SIZE },
    ...(made === null ? {} : { preprocessor: made }),
    timestepRange: [minTimestep, maxTimestep],
  })
  return runtime.writeLllite(lllite, { dtype: "F32", metadata })
}

/** Saves the trained LLLite to the disk. */
export async function downloadTrained({ runtime }: ReadyModel): Promise<void> {
  const [result, run] = [trained.value, shownRun.value]
  if (result === null || run === null) return
  const blob = await trainedFile(runtime, result, run)
  save(`lllite-${madeBy(run) ?? "own"}-${String(result.step).padStart(6, "0")}.safetensors`, blob)
}
