import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Notes } from "../language/said.tsx"
import { remark } from "../language/sentence.ts"
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
  const words = messages.value.draw
  const place = useRef<HTMLDivElement>(null)
  const problem = openProblem.value ?? (state.phase === "failed" ? state.problem : null)
  useEffect(() => {
    // On a phone it may lie below what is seen.
    if (problem !== null) place.current?.scrollIntoView({ block: "nearest" })
  }, [problem])
  useEffect(() => {
    if (modelState.value.phase === "ready") void showFirst(modelState.value)
  }, [model.phase])
  useEffect(() => {
    const stopByKey = (event: KeyboardEvent): void => {
      // In a menu or a dialogue, Escape closes that.
      const isForAnother = document.querySelector(":popover-open, dialog[open]") !== null
      // While letters are composed, as for Japanese, it takes those back.
      const isFree = !event.defaultPrevented && !event.isComposing && !isForAnother
      if (event.key === "Escape" && isFree) stop()
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
        <section class="board" data-board="drawing" aria-label={words.drawing}>
          <SheetBoard onFiles={(files) => void openPicture(files)} />
          <Swap to="drawing" label={words.showDrawing} />
        </section>
        <section class="board" data-board="picture" aria-label={words.picture}>
          <ResultBoard />
          <Swap to="picture" label={words.showPicture} />
        </section>
      </div>
      <div class="below-boards">
        <PromptBar />
        <PromptWords />
        <div class="problem-place" ref={place}>
          <Problem of={problem} />
        </div>
        {state.phase === "stopped" && <p class="note">{words.stopped}</p>}
        <Notes of={notices.value.map(remark)} />
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
