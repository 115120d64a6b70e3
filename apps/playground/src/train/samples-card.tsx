import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { sentence } from "../language/sentence.ts"
import { Problem } from "../page/problem.tsx"
import { Picture } from "../pictures/picture.tsx"
import { sampled, sampleProblem, samples, shownRun, without } from "./train-state.ts"

/** The samples of a run: its held-out control, and what is drawn without and with the LLLite, side by side. */
export function SamplesCard(): JSX.Element {
  const held = sampled.value
  const words = messages.value.train
  const last = samples.value.at(-1)
  const [plain] = without.value
  const split = shownRun.value?.split
  const isTrained = split !== undefined && held !== null && split.trained.some(({ image }) => image === held.image)
  return (
    <div class="card">
      <h2>{words.samples}</h2>
      {held === null ? (
        <p class="placeholder">{words.samplesPlaceholder}</p>
      ) : (
        <>
          <p class="note">
            <Said
              of={[
                sentence("train", "samplePrompt", held.caption),
                sentence("train", isTrained ? "sampleTrained" : "sampleHeldOut"),
              ]}
            />
          </p>
          <Problem of={sampleProblem.value} />
          <ul class="side-by-side">
            <li>
              <Picture image={held.control} label={words.sampleControl} />
              <span>{words.control}</span>
            </li>
            {plain !== undefined && (
              <li>
                <Picture image={plain} label={words.sampleWithout} />
                <span>{words.without}</span>
              </li>
            )}
            {last !== undefined && (
              <li>
                <Picture image={last.image} label={words.sampleAfter(last.step)} />
                <span>{words.withStep(last.step)}</span>
              </li>
            )}
          </ul>
          {samples.value.length > 1 && (
            <ul class="samples" aria-label={words.earlierSamples}>
              {samples.value.slice(0, -1).map(({ step, image }) => (
                <li key={step}>
                  <Picture image={image} label={words.sampleAfter(step)} />
                  <span>{words.stepNumbered(step)}</span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  )
}
