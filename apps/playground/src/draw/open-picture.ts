import { signal } from "@preact/signals"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { say } from "../page/status-line.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { readMadePicture } from "../recipes/picture-file.ts"
import { restore } from "../recipes/restore.ts"
import { followChange } from "./make-picture.ts"
import { drawing, replaceDrawing } from "./sheet-state.ts"

/** Why the last picture was not opened. Null: it was. */
export const openProblem = signal<Sentence | null>(null)

/**
 * Opens a picture: one that says how it was made sets everything that it says, and another one becomes the drawing.
 *
 * @param also what is to be said of files that came with it
 */
export async function openPicture([file, ...others]: readonly File[], also: readonly Sentence[] = []): Promise<void> {
  if (file === undefined) return
  openProblem.value = null
  try {
    const made = await readMadePicture(file).catch((error: unknown) => ({ unreadable: error }))
    if (made === null || "unreadable" in made) {
      const { image, changes } = await readPicture(file, drawing.value.width)
      replaceDrawing(image)
      followChange()
      const came = [...unused(others), ...also]
      const said = [
        ...(came.length === 0 ? [] : [sentence("pictures", "isDrawing", file.name)]),
        ...(made === null ? [] : [sentence("pictures", "settingsUnreadable", file.name, problemOf(made.unreadable))]),
        ...changeNotices([{ name: file.name, changes }]),
        ...came,
      ]
      if (said.length > 0) say(said)
      return
    }
    // A picture of another program has no drawing. Its own edges are followed.
    const isOwn = made.drawing !== null || made.program === "lllite"
    const drawn = isOwn ? made.drawing : (await readPicture(file, drawing.value.width)).image
    const { notices, undo } = restore({ ...made, drawing: drawn })
    followChange()
    say([sentence("pictures", "settingsSet", file.name), ...made.notices, ...notices, ...unused(others), ...also], undo)
  } catch (error) {
    openProblem.value = problemOf(error)
    const said = [...unused(others), ...also]
    if (said.length > 0) say(said)
  }
}

/** What is said of files beside the one that is opened. */
function unused(others: readonly File[]): readonly Sentence[] {
  const names = others.map(({ name }) => name)
  return names.length === 0 ? [] : [sentence("pictures", "sheetTakesOne", names)]
}
