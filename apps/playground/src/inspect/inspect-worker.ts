import { describeFile } from "./describe-file.ts"
import type { InspectAnswer } from "./inspect-state.ts"

/*
 * Reads one file and says what it is. A worker of its own, so that a file is read while the other one trains, and so
 * that whatever a file does to its reader ends with the worker.
 */
addEventListener("message", async ({ data: file }: MessageEvent<File>) => {
  let answer: InspectAnswer
  try {
    answer = { kind: "description", description: await describeFile(file.name, file) }
  } catch (error) {
    answer = { kind: "problem", message: error instanceof Error ? error.message : String(error) }
  }
  postMessage(answer)
})
