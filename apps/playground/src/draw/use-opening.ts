import { useState } from "preact/hooks"
import { messageOf } from "../page/message.ts"
import { say } from "../page/status-line.tsx"
import { followChange } from "./make-picture.ts"

/**
 * Opens the first of some files for the next picture. What is said of it goes to the status line.
 *
 * @param open gives a sentence about the file
 * @returns what takes the files, and the problem of the last one. Null: none
 */
export function useOpening(open: (file: File) => Promise<string>): {
  readonly problem: string | null
  readonly onFiles: (files: readonly File[]) => void
} {
  const [problem, setProblem] = useState<string | null>(null)
  const onFiles = ([file]: readonly File[]): void => {
    if (file === undefined) return
    open(file).then(
      (sentence) => {
        setProblem(null)
        followChange()
        say(sentence)
      },
      (error: unknown) => setProblem(messageOf(error)),
    )
  }
  return { problem, onFiles }
}
