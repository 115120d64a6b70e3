import { signal } from "@preact/signals"
import { problemOf, type Sentence } from "../language/sentence.ts"
import type { PlacedFile } from "../opening/dropped-files.ts"
import { readPairs } from "./folder/read-pairs.ts"
import { controlKind, offerDrawings, pairs } from "./train-state.ts"

/** The work on pairs, in pictures. Null: none. */
export const pairWork = signal<{ readonly done: number; readonly count: number } | null>(null)
/** What of the files is not used, one sentence each. */
export const pairNotices = signal<readonly Sentence[]>([])
/** Why files could not be read, one sentence each. */
export const pairProblems = signal<readonly Sentence[]>([])

/** Adds pairs from files. Those that are there stay. */
export async function addPairs(files: Promise<readonly PlacedFile[]> | readonly PlacedFile[]): Promise<void> {
  await offerDrawings()
  await workOnPairs(1, async (onDone) => {
    const found = await readPairs(await files, controlKind.value, (pair, count) => {
      if (pair !== null) pairs.value = [...pairs.value, pair]
      onDone(count)
    })
    pairProblems.value = found.problems
    pairNotices.value = found.notices
  })
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
