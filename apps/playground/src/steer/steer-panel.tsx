import type { JSX } from "preact"
import { chosenLllite, lllites, modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { Picture } from "../pictures/picture.tsx"
import { savePicture } from "../pictures/save.ts"
import { Compare } from "./compare.tsx"
import { SettingsForm } from "./settings-form.tsx"
import { Sketchpad } from "./sketchpad.tsx"
import { edges, prompt, result, steer, steerState, stop } from "./steer-state.ts"

/** Draw, set, and see what comes of it. */
export function SteerPanel(): JSX.Element {
  const model = modelState.value
  const lllite = lllites.value[chosenLllite.value]?.lllite
  const isRunning = steerState.value.phase === "running"
  const canStart = model.phase === "ready" && lllite !== undefined && !isRunning
  return (
    <form
      class="steer"
      onSubmit={(event) => {
        event.preventDefault()
        if (canStart) void steer(model, lllite)
      }}
    >
      <div class="card prompt-card">
        <label class="field prompt">
          Prompt
          <input
            type="text"
            value={prompt.value}
            maxLength={400}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => {
              prompt.value = event.currentTarget.value
            }}
          />
        </label>
        <div class="row">
          <button type="submit" class="primary" disabled={!canStart}>
            Generate
          </button>
          <button type="button" onClick={stop} disabled={!isRunning}>
            Stop
          </button>
        </div>
        <div class="prompt-below">
          <Progress />
        </div>
      </div>
      <div class="card">
        <h2>Drawing</h2>
        <Sketchpad />
      </div>
      <div class="card">
        <h2>Its edges</h2>
        <Picture image={edges.value} label="Canny edges of the drawing, which steer" />
        <p class="note">Canny edges are all that the model sees of the drawing. Colours come from the prompt.</p>
      </div>
      <div class="card">
        <h2>Result</h2>
        <Result />
      </div>
      <div class="card settings-card">
        <h2>How</h2>
        <SettingsForm />
      </div>
    </form>
  )
}

/** How far it is, or else what to write. */
function Progress(): JSX.Element {
  const state = steerState.value
  if (state.phase === "failed") {
    return <Problem text={state.message} />
  }
  if (state.phase !== "running") {
    return (
      <small>a [small] red, green, blue or yellow square, star, ring or heart, once or twice, joined by “and”</small>
    )
  }
  const { what, step, steps } = state
  return (
    <label class="progress" aria-live="off">
      {what}, step {step} of {steps}
      <progress max={steps} value={step} />
    </label>
  )
}

function Result(): JSX.Element {
  const made = result.value
  if (made === null) {
    return (
      <p class="placeholder picture">A picture appears here, at first as noise, and becomes clearer with each step.</p>
    )
  }
  const { steered, plain, caption, isFinal } = made
  return (
    <figure class="result" data-final={isFinal}>
      {plain !== null && isFinal ? (
        <Compare steered={steered} plain={plain} />
      ) : (
        <Picture image={steered} label={isFinal ? "Generated picture" : "Estimate of the picture so far"} />
      )}
      <figcaption aria-live="polite">{isFinal ? caption : "in the making …"}</figcaption>
      {isFinal && (
        <button type="button" onClick={() => savePicture("lllite.png", steered)}>
          Save picture
        </button>
      )}
    </figure>
  )
}
