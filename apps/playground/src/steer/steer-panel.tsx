import { recipeText } from "@lllite/core/recipe"
import { writePng } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { chosenLllite, lllites, modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { CONTROL_KINDS, controlKindOf } from "../pictures/control-kinds.ts"
import { Picture } from "../pictures/picture.tsx"
import { Compare } from "./compare.tsx"
import { SettingsForm } from "./settings-form.tsx"
import { Sketchpad } from "./sketchpad.tsx"
import { changeRecipe, control, controlKind, notices, recipe, result, steer, steerState, stop } from "./steer-state.ts"

/** The panel for drawing, settings, and the result. */
export function SteerPanel(): JSX.Element {
  const model = modelState.value
  const lllite = lllites.value[chosenLllite.value]?.adapter
  const isRunning = steerState.value.phase === "running"
  const canStart = model.phase === "ready" && lllite !== undefined && !isRunning
  const output = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // On a small screen the picture would appear outside of the visible part.
    if (isRunning) output.current?.scrollIntoView({ block: "nearest" })
  }, [isRunning])
  return (
    <form
      class="steer"
      onSubmit={(event) => {
        event.preventDefault()
        if (canStart) void steer(model, lllite)
      }}
    >
      <div class="card">
        <h2>Drawing</h2>
        <Sketchpad />
      </div>
      <div class="between">
        <div class="card edges">
          <Control />
        </div>
        <div class="card">
          <label class="field">
            Prompt
            <input
              type="text"
              value={recipe.value.prompt}
              maxLength={400}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => {
                changeRecipe({ prompt: event.currentTarget.value })
              }}
            />
          </label>
          <p class="note prompt-words">
            One or two shapes, joined by “and”: a [small] red, green, blue or yellow square, star, ring or heart.
          </p>
          <div class="row">
            <button type="submit" class="primary" disabled={!canStart}>
              Generate
            </button>
            <button type="button" onClick={stop} disabled={!isRunning}>
              Stop
            </button>
          </div>
        </div>
      </div>
      <div class="card">
        <h2>Result</h2>
        <div ref={output} class="output">
          <Result />
          <Progress />
          {notices.value.map((notice) => (
            <p class="note" key={notice}>
              {notice}
            </p>
          ))}
        </div>
      </div>
      <div class="card settings-card">
        <h2>Settings</h2>
        <SettingsForm />
      </div>
    </form>
  )
}

/** What the model sees of the drawing. */
function Control(): JSX.Element {
  const isEdges = controlKind.value === "canny"
  return (
    <>
      <h2>{isEdges ? "Edges" : "Control"}</h2>
      <Picture image={control.value} label={isEdges ? "Canny edges of the drawing" : "Control picture"} />
      <label class="field">
        Preprocessor
        <select
          value={controlKind.value}
          onChange={(event) => {
            const kind = controlKindOf(event.currentTarget.value)
            if (kind !== null) controlKind.value = kind
          }}
        >
          {CONTROL_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {kind}
            </option>
          ))}
        </select>
      </label>
      <p class="note">
        {isEdges
          ? "The model sees only these Canny edges of the drawing. Colours come from the prompt."
          : "The model sees only this. The LLLite of this page was trained on canny. Choose what yours was trained on."}
      </p>
    </>
  )
}

/** The progress of the picture, or the reason why it was not made. */
function Progress(): JSX.Element | null {
  const state = steerState.value
  switch (state.phase) {
    case "idle":
      return null
    case "stopped":
      return (
        <p class="note" role="status">
          Stopped before the picture was finished.
        </p>
      )
    case "failed":
      return <Problem text={state.message} />
    case "running":
      return (
        <label class="progress" aria-live="off">
          {state.what}, step {state.step} of {state.steps}
          <progress max={state.steps} value={state.step} />
        </label>
      )
  }
}

function Result(): JSX.Element {
  const made = result.value
  if (made === null) {
    return (
      <p class="placeholder picture">A picture appears here. It begins as noise and becomes clearer with each step.</p>
    )
  }
  const { steered, plain, caption, isFinal } = made
  if (!isFinal) {
    return (
      <figure class="result" data-final="false">
        <Picture image={steered} label="Estimate of the picture so far" />
      </figure>
    )
  }
  return (
    <figure class="result" data-final="true">
      {plain === null ? (
        <Picture image={steered} label="Generated picture" />
      ) : (
        <Compare steered={steered} plain={plain} />
      )}
      <figcaption aria-live="polite">{caption}</figcaption>
      <button type="button" onClick={() => writePng("lllite.png", steered, recipeText(made.recipe))}>
        Save picture
      </button>
    </figure>
  )
}
