import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { modelFacts } from "../models/model-facts.ts"
import { modelState, type ReadyModel } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { Shelf } from "../shelf/shelf.tsx"
import { keepPicture, openShelf, shelf } from "../shelf/shelf-state.ts"
import { drawState, makePicture, notices, stop } from "./make-picture.ts"
import { openPicture, openProblem } from "./open-picture.ts"
import { PromptBar, PromptWords } from "./prompt-bar.tsx"
import { Rail } from "./rail.tsx"
import { isSameOrigin, origin, result } from "./result.ts"
import { ResultBoard } from "./result-board.tsx"
import { SheetBoard } from "./sheet.tsx"

/** The board that a small screen shows large. The other one is small in its corner. */
const front = signal<"drawing" | "picture">("drawing")

/** The panel for drawing, and for the picture that follows the drawing. */
export function DrawPanel(): JSX.Element {
  const model = modelState.value
  const state = drawState.value
  useEffect(() => {
    if (modelState.value.phase === "ready") void showFirst(modelState.value)
  }, [model.phase])
  useEffect(() => {
    const stopByKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented) stop()
    }
    addEventListener("keydown", stopByKey)
    return () => removeEventListener("keydown", stopByKey)
  }, [])
  return (
    <form
      class="draw"
      data-phase={state.phase}
      onSubmit={(event) => {
        event.preventDefault()
        if (model.phase === "ready") void makePicture(model, "full", keepPicture)
      }}
    >
      <div class="boards" data-front={front.value}>
        <section class="board" data-board="drawing" aria-label="Drawing">
          <SheetBoard onFiles={(files) => void openPicture(files)} />
          <Swap to="drawing" label="Show the drawing large" />
        </section>
        <section class="board" data-board="picture" aria-label="Picture">
          <ResultBoard />
          <Swap to="picture" label="Show the picture large" />
        </section>
      </div>
      <div class="below-boards">
        <PromptBar />
        <PromptWords />
        <Problem text={openProblem.value ?? (state.phase === "failed" ? state.message : null)} />
        {state.phase === "stopped" && <p class="note">Stopped before the picture was finished.</p>}
        {notices.value.map((notice) => (
          <p class="note" key={notice}>
            {notice}
          </p>
        ))}
      </div>
      <Shelf />
      <Rail />
    </form>
  )
}

function Swap({ to, label }: { readonly to: "drawing" | "picture"; readonly label: string }): JSX.Element {
  return (
    <button
      type="button"
      class="swap"
      aria-label={label}
      onClick={() => {
        front.value = to
      }}
    />
  )
}

/**
 * Shows the last kept picture if the form still has its settings, and otherwise makes one. So the page shows what it does
 * before a button is pressed.
 */
async function showFirst(model: ReadyModel): Promise<void> {
  await openShelf()
  const last = shelf.value.find((kept) => isSameOrigin(kept, origin.value))
  if (last === undefined && modelFacts.value.isSmall) await makePicture(model, "full")
  else if (last !== undefined) result.value = last
}
