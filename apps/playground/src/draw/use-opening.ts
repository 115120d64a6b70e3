import { useState } from "preact/hooks"
import { problemOf, type Sentence } from "../language/sentence.ts"
import { say } from "../page/status-line.tsx"
import { followChange } from "./make-picture.ts"

/**
 * Opens the first of some files for the next picture. What is said of it goes to the status line.
 *
 * @param open gives sentences about the file
 * @returns what takes the files, and the problem of the last one. Null: none
 */
export function useOpening(open: (file: File) => Promise<readonly Sentence[]>): {
  readonly problem: Sentence | null
  readonly onFiles: (files: readonly File[]) => void
} {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const onFiles = ([file]: readonly File[]): void => {
    if (file === undefined) return
    open(file).then(
      (sentences) => {
        setProblem(null)
        followChange()
        say(sentences)
      },
      (error: unknown) => setProblem(problemOf(error)),
    )
  }
  return { problem, onFiles }
}
