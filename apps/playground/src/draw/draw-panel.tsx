import { countedNotice } from "@lllite/core/names"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { messageOf, modelState, type ReadyModel } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { SIZE } from "../pictures/canvas-image.ts"
import { FileDrop } from "../pictures/file-drop.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { readMadePicture } from "../recipes/picture-file.ts"
import { restore } from "../recipes/restore.ts"
import { Shelf } from "../shelf/shelf.tsx"
import { keepPicture, openShelf, shelf } from "../shelf/shelf-state.ts"
import { drawState, followChange, makePicture, notices, stop } from "./make-picture.ts"
import { PromptBar, PromptWords } from "./prompt-bar.tsx"
import { Rail } from "./rail.tsx"
import { isSameOrigin, origin, result } from "./result.ts"
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
      <FileDrop class="boards" onFiles={(files) => void open(files)} data-front={front.value}>
        <section class="board" data-board="drawing" aria-label="Drawing">
          <SheetBoard onFiles={(files) => void open(files)} />
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
 * Shows the last kept picture if the form still has its settings, and otherwise makes one. Nobody has to find the button
 * to see what this page does.
 */
async function showFirst(model: ReadyModel): Promise<void> {
  await openShelf()
  const last = shelf.value.find((kept) => isSameOrigin(kept, origin.value))
  if (last === undefined) await makePicture(model, "full")
  else result.value = last
}

/** Opens a picture: one that says how it was made sets everything that it says, and another one becomes the drawing. */
async function open([file, ...others]: readonly File[]): Promise<void> {
  if (file === undefined) return
  const made = await readMadePicture(file).catch((error: unknown) => {
    say(`The settings in ${file.name} cannot be read: ${messageOf(error)}`)
    return null
  })
  if (made === null) {
    openDrawing(file, others)
    return
  }
  const { drawing, program } = made
  // A picture of another program has no drawing. Its own edges are followed.
  const own = drawing ?? (program === "lllite" ? null : (await readPicture(file, SIZE)).image)
  const { notices, undo } = restore({ ...made, drawing: own })
  problem.value = null
  followChange()
  say([`The settings of ${file.name} are set.`, ...made.notices, ...notices, ...unused(others)].join(" "), undo)
}

/** Puts a picture from a file onto the sheet. */
function openDrawing(file: File, others: readonly File[]): void {
  readPicture(file, SIZE).then(
    ({ image, changes }) => {
      problem.value = null
      replaceDrawing(image)
      followChange()
      const said = [...changeNotices([{ name: file.name, changes }]), ...unused(others)]
      if (said.length > 0) say(said.join(" "))
    },
    (error: unknown) => {
      problem.value = messageOf(error)
    },
  )
}

/** What is said of files beside the one that is opened. */
function unused(others: readonly File[]): readonly string[] {
  return countedNotice(
    others.map(({ name }) => name),
    "files",
    (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not used: the sheet takes one picture.`,
  )
}
