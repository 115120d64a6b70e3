import { recipeText } from "@lllite/core/recipe"
import { writePng } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { useRef, useState } from "preact/hooks"
import { type Result, result } from "../draw/result.ts"
import { messages } from "../language/language.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { ChoiceField } from "../page/fields.tsx"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { Picture } from "../pictures/picture.tsx"
import { pictureGrid } from "../pictures/picture-grid.ts"
import { keepPicture, shelf } from "../shelf/shelf-state.ts"
import { runSweep, SEED_COUNTS, STRENGTHS, type Sweep, stopSweep, sweep } from "./sweep-state.ts"

/** A button, and the dialogue that it opens: pictures over strengths and seeds, side by side. */
export function SweepButton(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const [count, setCount] = useState<(typeof SEED_COUNTS)[number]>("1")
  const model = modelState.value
  const { value: shown } = sweep
  const isRunning = shown?.isRunning === true
  const { draw: words, page } = messages.value
  return (
    <>
      <button type="button" disabled={model.phase !== "ready"} onClick={() => dialog.current?.showModal()}>
        {words.sweep}
      </button>
      <dialog ref={dialog} class="dialog sweep" aria-labelledby="sweep-title" onClose={stopSweep}>
        <div class="card-head">
          <h2 id="sweep-title">{words.sweepTitle}</h2>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            {page.close}
          </button>
        </div>
        <p class="note">{words.sweepNote}</p>
        <div class="row">
          <ChoiceField label={words.seeds} value={count} names={SEED_COUNTS} disabled={isRunning} onValue={setCount} />
          {/* One element in both roles, so that it keeps the focus. */}
          <button
            type="button"
            class="primary"
            onClick={() => {
              if (isRunning) stopSweep()
              else if (model.phase === "ready") void runSweep(model, Number(count))
            }}
          >
            {isRunning ? page.stop : words.makePictures}
          </button>
          <button type="button" disabled={shown === null || isRunning} onClick={() => shown !== null && save(shown)}>
            {words.saveGrid}
          </button>
        </div>
        <Problem of={shown?.problem ?? null} />
        {shown !== null && (
          <Grid
            sweep={shown}
            onShow={() => {
              dialog.current?.close()
            }}
          />
        )}
      </dialog>
    </>
  )
}

function Grid({ sweep: { seeds, rows }, onShow }: { readonly sweep: Sweep; readonly onShow: () => void }): JSX.Element {
  const words = messages.value.draw
  return (
    <table class="sweep-grid">
      <thead>
        <tr>
          <th scope="col">{words.seed}</th>
          {STRENGTHS.map((strength) => (
            <th key={strength} scope="col">
              {strength.toFixed(2)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells, row) => (
          <tr key={row}>
            <th scope="row">{String(seeds[row])}</th>
            {cells.map((made, column) => {
              const label = words.cellOf(STRENGTHS[column] ?? 0, String(seeds[row]))
              return (
                <td key={column}>
                  {made === null ? (
                    <span class="empty" />
                  ) : (
                    <button
                      type="button"
                      aria-label={words.showCell(label)}
                      onClick={() => {
                        showAndKeep(made)
                        onShow()
                      }}
                    >
                      <Picture image={made.image} label={label} />
                    </button>
                  )}
                </td>
              )
            })}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Shows a picture, and keeps it on the shelf, once. */
function showAndKeep(made: Result): void {
  const kept = shelf.value.find(({ image }) => image === made.image)
  result.value = kept ?? made
  if (kept === undefined) void keepPicture(made)
}

/** Saves the pictures as one, with the recipe of the first. */
function save({ rows }: Sweep): void {
  const first = rows.flat().find((made) => made !== null)
  if (first == null) return
  writePng(
    "lllite-sweep.png",
    pictureGrid(rows.map((cells) => cells.map((made) => made?.image ?? null))),
    recipeText(first.recipe),
  ).catch((error: unknown) => say(sentence("draw", "gridNotSaved", problemOf(error))))
}
