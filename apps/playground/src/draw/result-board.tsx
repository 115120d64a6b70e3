import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { Icon } from "../page/icons.tsx"
import { messageOf } from "../page/message.ts"
import { Segments } from "../page/segments.tsx"
import { say } from "../page/status-line.tsx"
import { Picture } from "../pictures/picture.tsx"
import { save as saveFile } from "../pictures/save.ts"
import { pngOf } from "../recipes/picture-file.ts"
import { restore } from "../recipes/restore.ts"
import { removePicture, shelf } from "../shelf/shelf-state.ts"
import { SweepButton } from "../sweep/sweep-dialog.tsx"
import { Compare } from "./compare.tsx"
import { CopyAs } from "./copy-as-menu.tsx"
import { drawState } from "./make-picture.ts"
import { isOutdated, type Result, result } from "./result.ts"
import { UseAs } from "./use-as-menu.tsx"

const VIEWS = ["with", "compare", "without"] as const
type View = (typeof VIEWS)[number]
const view = signal<View>("with")
const VIEW_TEXTS: Readonly<Record<View, string>> = { with: "With", compare: "Compare", without: "Without" }

/** The board of the picture: the picture, what it follows from, and what to do with it. */
export function ResultBoard(): JSX.Element {
  const made = result.value
  const state = drawState.value
  const kept = made === null || made.id === null ? undefined : shelf.value.find(({ id }) => id === made.id)
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
        {isOutdated.value && state.phase !== "running" && made !== null && (
          <p class="outdated">
            Made with other settings
            <button type="button" onClick={() => takeSettings(made)}>
              Use them
            </button>
          </p>
        )}
        {state.phase === "running" && (
          <progress class="board-progress" aria-label={state.what} max={state.steps} value={state.step} />
        )}
      </div>
      <div class="tools result-tools">
        <button type="button" disabled={!isFinal} onClick={() => made !== null && save(made)}>
          Save picture
        </button>
        <CopyAs made={isFinal ? made : null} />
        <UseAs made={isFinal ? made : null} />
        <SweepButton />
        {kept !== undefined && (
          <button
            type="button"
            class="tool"
            aria-label="Remove the picture"
            title="Remove"
            onClick={() => void removePicture(kept)}
          >
            <Icon name="clear" />
          </button>
        )}
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

/** Sets what a picture follows from. */
function takeSettings(made: Result): void {
  const { notices, undo } = restore(made)
  say(["The settings of the picture are set.", ...notices].join(" "), undo)
}

function save(made: Result): void {
  pngOf(made.image, made).then(
    (blob) => saveFile("lllite.png", blob),
    (error: unknown) => say(`The picture was not saved: ${messageOf(error)}`),
  )
}
