import { unreadable } from "../page/read-file.ts"
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
    answer = { kind: "problem", message: messageOf(error, file.name) }
  }
  postMessage(answer)
})

function messageOf(error: unknown, name: string): string {
  // The browser's words for a folder do not say that it is one.
  if (error instanceof DOMException) return unreadable(`"${name}"`)
  return error instanceof Error ? error.message : String(error)
}
