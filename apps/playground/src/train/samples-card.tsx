import type { JSX } from "preact"
import { Problem } from "../page/problem.tsx"
import { Picture } from "../pictures/picture.tsx"
import { sampled, sampleProblem, samples, shownRun, without } from "./train-state.ts"

/** The samples of a run: its held-out control, and what is drawn without and with the LLLite, side by side. */
export function SamplesCard(): JSX.Element {
  const held = sampled.value
  const last = samples.value.at(-1)
  const [plain] = without.value
  const split = shownRun.value?.split
  const isTrained = split !== undefined && held !== null && split.trained.some(({ image }) => image === held.image)
  return (
    <div class="card">
      <h2>Samples</h2>
      {held === null ? (
        <p class="placeholder">Here a held-out control is drawn without and with the LLLite, side by side.</p>
      ) : (
        <>
          <p class="note">
            The prompt is “{held.caption}”.{" "}
            {isTrained
              ? "Its control is among the pairs, because they are few. A picture of it says little."
              : "Its control is not trained on."}
          </p>
          <Problem text={sampleProblem.value} />
          <ul class="side-by-side">
            <li>
              <Picture image={held.control} label="Control that steers the samples" />
              <span>control</span>
            </li>
            {plain !== undefined && (
              <li>
                <Picture image={plain} label="Sample without an LLLite" />
                <span>without</span>
              </li>
            )}
            {last !== undefined && (
              <li>
                <Picture image={last.image} label={`Sample after ${last.step} steps`} />
                <span>with, step {last.step}</span>
              </li>
            )}
          </ul>
          {samples.value.length > 1 && (
            <ul class="samples" aria-label="Earlier samples">
              {samples.value.slice(0, -1).map(({ step, image }) => (
                <li key={step}>
                  <Picture image={image} label={`Sample after ${step} steps`} />
                  <span>step {step}</span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  )
}
