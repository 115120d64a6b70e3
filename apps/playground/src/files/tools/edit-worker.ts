import { problemOf, type Sentence, sentence } from "../../language/sentence.ts"
import { type EditResult, type EditTask, editFile } from "./edit-file.ts"

/** What the worker says. */
export type EditAnswer =
  | { readonly kind: "progress"; readonly done: number; readonly count: number }
  | { readonly kind: "result"; readonly result: EditResult }
  | { readonly kind: "problem"; readonly problem: Sentence }

const say = (answer: EditAnswer): void => postMessage(answer)

/* Does one thing with files, and ends. */
addEventListener("message", async ({ data: task }: MessageEvent<EditTask>) => {
  try {
    say({ kind: "result", result: await editFile(task, (done, count) => say({ kind: "progress", done, count })) })
  } catch (error) {
    say({
      kind: "problem",
      problem: error instanceof DOMException ? sentence("page", "unreadable", null) : problemOf(error),
    })
  }
})
