import { messageOf } from "../../page/message.ts"
import { unreadable } from "../../page/read-file.ts"
import { type EditResult, type EditTask, editFile } from "./edit-file.ts"

/** What the worker says. */
export type EditAnswer =
  | { readonly kind: "progress"; readonly done: number; readonly count: number }
  | { readonly kind: "result"; readonly result: EditResult }
  | { readonly kind: "problem"; readonly message: string }

const say = (answer: EditAnswer): void => postMessage(answer)

/* Does one thing with files, and ends. */
addEventListener("message", async ({ data: task }: MessageEvent<EditTask>) => {
  try {
    say({ kind: "result", result: await editFile(task, (done, count) => say({ kind: "progress", done, count })) })
  } catch (error) {
    say({ kind: "problem", message: error instanceof DOMException ? unreadable("A file") : messageOf(error) })
  }
})
