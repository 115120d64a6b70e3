import { describeFile } from "./describe-file.ts"
import type { InspectAnswer } from "./inspect-state.ts"

/*
 * Reads one file and describes it. This is a separate worker, so a file can be read while the other worker trains. If a
 * file makes the reader fail or hang, only this worker ends.
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
