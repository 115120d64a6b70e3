import { countedNotice } from "@lllite/core/names"
import { signal } from "@preact/signals"
import { messageOf } from "../page/message.ts"
import { say } from "../page/status-line.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { readMadePicture } from "../recipes/picture-file.ts"
import { restore } from "../recipes/restore.ts"
import { followChange } from "./make-picture.ts"
import { drawing, replaceDrawing } from "./sheet-state.ts"

/** Why the last picture was not opened. Null: it was. */
export const openProblem = signal<string | null>(null)

/** Opens a picture: one that says how it was made sets everything that it says, and another one becomes the drawing. */
export async function openPicture([file, ...others]: readonly File[]): Promise<void> {
  if (file === undefined) return
  openProblem.value = null
  try {
    const made = await readMadePicture(file).catch((error: unknown) => `${file.name}: ${messageOf(error)}`)
    if (made === null || typeof made === "string") {
      const { image, changes } = await readPicture(file, drawing.value.width)
      replaceDrawing(image)
      followChange()
      const said = [
        ...(made === null ? [] : [`Its settings cannot be read. ${made}`]),
        ...changeNotices([{ name: file.name, changes }]),
        ...unused(others),
      ]
      if (said.length > 0) say(said.join(" "))
      return
    }
    // A picture of another program has no drawing. Its own edges are followed.
    const isOwn = made.drawing !== null || made.program === "lllite"
    const drawn = isOwn ? made.drawing : (await readPicture(file, drawing.value.width)).image
    const { notices, undo } = restore({ ...made, drawing: drawn })
    followChange()
    say([`The settings of ${file.name} are set.`, ...made.notices, ...notices, ...unused(others)].join(" "), undo)
  } catch (error) {
    openProblem.value = messageOf(error)
  }
}

/** What is said of files beside the one that is opened. */
function unused(others: readonly File[]): readonly string[] {
  return countedNotice(
    others.map(({ name }) => name),
    "files",
    (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not used: the sheet takes one picture.`,
  )
}
