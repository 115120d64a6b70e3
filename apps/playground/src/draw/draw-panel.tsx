import { countedNotice } from "@lllite/core/names"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { messageOf, modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { SIZE } from "../pictures/canvas-image.ts"
import { FileDrop } from "../pictures/file-drop.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { drawState, followChange, makePicture, notices, stop } from "./make-picture.ts"
import { PromptBar, PromptWords } from "./prompt-bar.tsx"
import { Rail } from "./rail.tsx"
import { ResultBoard } from "./result-board.tsx"
import { SheetBoard } from "./sheet.tsx"
import { replaceDrawing } from "./sheet-state.ts"

/** The board that a small screen shows large. The other one is small in its corner. */
const front = signal<"drawing" | "picture">("drawing")
/** Why a picture was not opened. */
const problem = signal<string | null>(null)

/** The panel for drawing, and for the picture that follows the drawing. */
export function DrawPanel(): JSX.Element {
  const model = modelState.value
  const state = drawState.value
  useEffect(() => {
    // Nobody has to find the button to see what this page does.
    if (modelState.value.phase === "ready") void makePicture(modelState.value, "full")
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
        if (model.phase === "ready") void makePicture(model, "full")
      }}
    >
      <FileDrop class="boards" onFiles={open} data-front={front.value}>
        <section class="board" data-board="drawing" aria-label="Drawing">
          <SheetBoard onFiles={open} />
          <Swap to="drawing" label="Show the drawing large" />
        </section>
        <section class="board" data-board="picture" aria-label="Picture">
          <ResultBoard />
          <Swap to="picture" label="Show the picture large" />
        </section>
      </FileDrop>
      <div class="below-boards">
        <PromptBar />
        <PromptWords />
        <Problem text={problem.value ?? (state.phase === "failed" ? state.message : null)} />
        {state.phase === "stopped" && <p class="note">Stopped before the picture was finished.</p>}
        {notices.value.map((notice) => (
          <p class="note" key={notice}>
            {notice}
          </p>
        ))}
      </div>
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

/** Puts a picture from a file onto the sheet. */
function open([file, ...others]: readonly File[]): void {
  if (file === undefined) return
  readPicture(file, SIZE).then(
    ({ image, changes }) => {
      problem.value = null
      replaceDrawing(image)
      followChange()
      const said = [
        ...changeNotices([{ name: file.name, changes }]),
        ...countedNotice(
          others.map(({ name }) => name),
          "files",
          (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not used: the sheet takes one picture.`,
        ),
      ]
      if (said.length > 0) say(said.join(" "))
    },
    (error: unknown) => {
      problem.value = messageOf(error)
    },
  )
}
