import { signal } from "@preact/signals"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import type { PlacedFile } from "../opening/dropped-files.ts"
import { say } from "../page/status-line.tsx"
import { readPairs } from "./folder/read-pairs.ts"
import { controlKind, isTraining, offerDrawings, pairs } from "./train-state.ts"

/** The work on pairs, in pictures. Null: none. */
export const pairWork = signal<{ readonly done: number; readonly count: number } | null>(null)
/** What of the files is not used, one sentence each. */
export const pairNotices = signal<readonly Sentence[]>([])
/** Why files could not be read, one sentence each. */
export const pairProblems = signal<readonly Sentence[]>([])

/**
 * Adds pairs from files. Those that are there stay. During a training it says that they are not of it.
 *
 * @param also what is to be said of files that came with them
 */
export async function addPairs(files: readonly PlacedFile[], also: readonly Sentence[] = []): Promise<void> {
  const isLate = isTraining.value
  let added = 0
  await offerDrawings()
  await workOnPairs(1, async (onDone) => {
    const found = await readPairs(files, controlKind.value, (pair, count) => {
      if (pair !== null) {
        pairs.value = [...pairs.value, pair]
        added++
      }
      onDone(count)
    })
    pairProblems.value = found.problems
    pairNotices.value = found.notices
  })
  // The training may have ended meanwhile.
  if (added > 0 && isLate && isTraining.value) say([...also, sentence("train", "pairsAddedLate", added)])
}

/** Does work that shows its progress. Its failure becomes a problem. */
export async function workOnPairs(
  count: number,
  work: (onDone: (count: number) => void) => Promise<void>,
): Promise<void> {
  pairProblems.value = []
  pairNotices.value = []
  let done = 0
  pairWork.value = { done, count }
  try {
    await work((count) => {
      pairWork.value = { done: ++done, count }
    })
  } catch (error) {
    pairProblems.value = [problemOf(error)]
  } finally {
    pairWork.value = null
  }
}
