import { recipeText } from "@lllite/core/recipe"
import { writePng } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { messageOf } from "../page/model.ts"
import { Segments } from "../page/segments.tsx"
import { say } from "../page/status-line.tsx"
import { Picture } from "../pictures/picture.tsx"
import { Compare } from "./compare.tsx"
import { drawState, followChange, type Result, result } from "./make-picture.ts"
import { replaceDrawing } from "./sheet-state.ts"

const VIEWS = ["with", "compare", "without"] as const
type View = (typeof VIEWS)[number]
const view = signal<View>("with")
const VIEW_TEXTS: Readonly<Record<View, string>> = { with: "With", compare: "Compare", without: "Without" }

/** The board of the picture: the picture, what it follows from, and what to do with it. */
export function ResultBoard(): JSX.Element {
  const made = result.value
  const state = drawState.value
  const isFinal = made !== null && made.seconds !== null
  return (
    <>
      <div class="board-head">
        <h2>Picture</h2>
        <span class="board-caption">{made === null ? "" : captionOf(made)}</span>
        {made !== null && made.plain !== null && (
          <Segments label="Which picture is shown" values={VIEWS} textOf={(name) => VIEW_TEXTS[name]} of={view} />
        )}
      </div>
      <div class="board-square result" data-final={isFinal} data-quality={made?.quality}>
        {made === null ? (
          <p class="placeholder">
            {state.phase === "running" ? "It begins as noise …" : "A picture appears here. It follows your drawing."}
          </p>
        ) : (
          <Shown made={made} />
        )}
        {state.phase === "running" && (
          <progress class="board-progress" aria-label={state.what} max={state.steps} value={state.step} />
        )}
      </div>
      <div class="tools result-tools">
        <button type="button" disabled={!isFinal} onClick={() => made !== null && save(made)}>
          Save picture
        </button>
        <button
          type="button"
          disabled={!isFinal}
          onClick={() => {
            if (made === null) return
            replaceDrawing(made.image)
            followChange()
          }}
        >
          To drawing
        </button>
      </div>
    </>
  )
}

function Shown({ made: { image, plain, seconds } }: { readonly made: Result }): JSX.Element {
  if (seconds === null) return <Picture image={image} label="Estimate of the picture so far" />
  if (plain === null || view.value === "with") return <Picture image={image} label="Generated picture" />
  if (view.value === "without") return <Picture image={plain} label="Picture without control" />
  return <Compare {...{ image, plain }} />
}

function captionOf({ recipe: { seed, steps }, seconds }: Result): string {
  const time = seconds === null ? "" : ` · ${seconds.toFixed(1)} s`
  return `seed ${seed} · ${steps} steps${time}`
}

function save({ image, recipe }: Result): void {
  writePng("lllite.png", image, recipeText(recipe)).catch((error: unknown) =>
    say(`The picture was not saved: ${messageOf(error)}`),
  )
}
