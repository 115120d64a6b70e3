import { openPicture, openProblem } from "../draw/open-picture.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { show } from "../page/app-state.ts"
import { say } from "../page/status-line.tsx"
import { droppedFiles, type PlacedFile, pickedFiles } from "./dropped-files.ts"
import { sortFiles } from "./sort-files.ts"

/*
 * The whole page takes files: a drop, and a paste outside of text. What they are decides where they go.
 */

/** Takes files that are dropped or pasted anywhere on the page. */
export function takeFiles(): void {
  addEventListener("dragover", (event) => {
    if (event.defaultPrevented || !hasFiles(event.dataTransfer)) return
    event.preventDefault()
    document.body.classList.add("dropping")
  })
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) document.body.classList.remove("dropping")
  })
  // An area of its own, such as that of pairs, takes a drop first.
  addEventListener("drop", (event) => {
    document.body.classList.remove("dropping")
    if (event.defaultPrevented || !hasFiles(event.dataTransfer)) return
    event.preventDefault()
    if (event.dataTransfer === null) return
    endDialogue()
    void openFiles(droppedFiles(event.dataTransfer))
  })
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    endDialogue()
    void openFiles(Promise.resolve(pickedFiles(files)))
  })
}

/** Closes the dialogue that is open, since it would cover what becomes of the files, and what is said of them. */
function endDialogue(): void {
  document.querySelector<HTMLDialogElement>("dialog:modal")?.close()
}

/**
 * Opens files by their kinds. What is not used is named.
 *
 * @param isForPairs whether all but weights is meant for a training, as what is dropped on its pairs
 */
export async function openFiles(found: Promise<readonly PlacedFile[]>, isForPairs = false): Promise<void> {
  // What was wrong with an earlier file is not said of these.
  openProblem.value = null
  try {
    const files = await found
    if (files.length === 0) return say(sentence("pictures", "noFile"))
    const { pairs, pictures, models, others } = sortFiles(files, isForPairs)
    const [model, ...otherModels] = models
    const unused = [...otherModels, ...others].map(({ path }) => path)
    const isAlone = pairs.length === 0 && pictures.length === 0
    const said = [
      ...(model === undefined ? [] : await inTurn(() => openModel(model.file, isAlone))),
      ...(unused.length === 0 ? [] : [sentence("pictures", "notUsed", unused)]),
    ]
    // What is said of weights names them, so that the panel of the others is the one to show.
    if (pairs.length > 0) show("train")
    else if (pictures.length > 0) show("draw")
    if (pictures.length > 0) {
      await openPicture(
        pictures.map(({ file }) => file),
        said,
      )
    } else if (said.length > 0) say(said)
    if (pairs.length > 0) {
      const { addPairs } = await import("../train/add-pairs.ts")
      await addPairs(pairs, said)
    }
  } catch (error) {
    say(problemOf(error))
  }
}

let turn: Promise<unknown> = Promise.resolve()

/** Does work after the work of earlier drops, since the reading of one file ends that of another. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work)
  turn = done.catch(() => {})
  return done
}

/**
 * Weights become what they are for: a control, a LoRA, a VAE, a model. Other files are described.
 *
 * @param isShown whether the page shows what it does with them
 * @returns what is to be said
 */
async function openModel(file: File, isShown: boolean): Promise<readonly Sentence[]> {
  const { openFile, useOf, useOpened } = await import("../files/file-state.ts")
  const answer = await openFile(file)
  // Meanwhile another file was opened under Files.
  if (answer === null) return [sentence("pictures", "notUsed", [file.name])]
  const elsewhere = isShown ? [] : [sentence("pictures", "underFiles", file.name)]
  if (answer.kind !== "description" || useOf(answer.description) === null) {
    show("files")
    return elsewhere
  }
  try {
    const said = await useOpened()
    show("draw")
    return said ?? []
  } catch (error) {
    show("files")
    return [problemOf(error), ...elsewhere]
  }
}

function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false
}
