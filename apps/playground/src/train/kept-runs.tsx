import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { counted } from "../page/counted.ts"
import { messageOf } from "../page/message.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { discardRun, refreshKeptRuns, resumeTraining } from "./run-training.ts"
import { keptRuns } from "./train-state.ts"

/** The runs that the browser keeps, to continue or to remove. Without one there is no element. */
export function KeptRuns({ isLocked }: { readonly isLocked: boolean }): JSX.Element | null {
  const [problem, setProblem] = useState<string | null>(null)
  const model = modelState.value
  useEffect(() => void refreshKeptRuns(), [])
  if (keptRuns.value.length === 0) return null
  return (
    <div class="card runs">
      <h2>Kept runs</h2>
      <ul class="kept-runs">
        {keptRuns.value.map(({ id, step, steps, pairs, savedAt }) => (
          <li key={id} class="row">
            <span>
              {counted(pairs, "pair")}, {step === steps ? `all ${counted(steps, "step")}` : `step ${step} of ${steps}`},{" "}
              <time dateTime={new Date(savedAt).toISOString()}>{new Date(savedAt).toLocaleString("en")}</time>
            </span>
            <button
              type="button"
              disabled={isLocked || model.phase !== "ready"}
              onClick={() => {
                if (model.phase === "ready") void resumeTraining(model, id)
              }}
            >
              {step === steps ? "Open" : "Resume"}
            </button>
            <button
              type="button"
              disabled={isLocked}
              onClick={() => {
                discardRun(id).catch((error: unknown) => setProblem(messageOf(error)))
              }}
            >
              Discard
            </button>
          </li>
        ))}
      </ul>
      <Problem text={problem} />
    </div>
  )
}
