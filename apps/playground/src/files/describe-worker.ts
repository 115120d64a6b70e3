import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { describeFile } from "./describe-file.ts"
import type { FileAnswer } from "./file-state.ts"

/*
 * Reads one file and describes it. This is a separate worker, so a file can be read while the other worker trains. If a
 * file makes the reader fail or hang, only this worker ends.
 */
addEventListener("message", async ({ data: file }: MessageEvent<File>) => {
  let answer: FileAnswer
  try {
    answer = { kind: "description", description: await describeFile(file.name, file) }
  } catch (error) {
    answer = { kind: "problem", problem: readingProblem(error, file.name) }
  }
  postMessage(answer)
})

function readingProblem(error: unknown, name: string): Sentence {
  // The browser's words for a folder do not say that it is one.
  return error instanceof DOMException ? sentence("page", "unreadable", name) : problemOf(error)
}
