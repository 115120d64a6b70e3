import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { language, messages } from "../language/language.ts"
import { problemOf, type Sentence } from "../language/sentence.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { discardRun, refreshKeptRuns, resumeTraining } from "./run-training.ts"
import { keptRuns } from "./train-state.ts"

/** The runs that the browser keeps, to continue or to remove. Without one there is no element. */
export function KeptRuns({ isLocked }: { readonly isLocked: boolean }): JSX.Element | null {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const model = modelState.value
  const words = messages.value.train
  useEffect(() => void refreshKeptRuns(), [])
  if (keptRuns.value.length === 0) return null
  return (
    <div class="card runs">
      <h2>{words.keptRuns}</h2>
      <ul class="kept-runs">
        {keptRuns.value.map(({ id, step, steps, pairs, savedAt }) => (
          <li key={id} class="row">
            <span>
              {words.keptRun(pairs, step, steps)}{" "}
              <time dateTime={new Date(savedAt).toISOString()}>{new Date(savedAt).toLocaleString(language.value)}</time>
            </span>
            <button
              type="button"
              disabled={isLocked || model.phase !== "ready"}
              onClick={() => {
                if (model.phase === "ready") void resumeTraining(model, id)
              }}
            >
              {step === steps ? words.open : words.resume}
            </button>
            <button
              type="button"
              disabled={isLocked}
              onClick={() => {
                discardRun(id).catch((error: unknown) => setProblem(problemOf(error)))
              }}
            >
              {words.discard}
            </button>
          </li>
        ))}
      </ul>
      <Problem of={problem} />
    </div>
  )
}
