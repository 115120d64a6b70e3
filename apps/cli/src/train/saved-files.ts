import { readdir } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { trainStatePath } from "@lllite/runtime-node"
import { tryOutputs } from "@lllite/runtime-node/files"
import { stepFileName } from "../lllite-file/save-lllite.ts"
import { type SaveEvery, type SaveRhythm, saveRhythms } from "./save-rhythm.ts"
import type { StepPlan } from "./step-plan.ts"

/** What the names of a run's files follow from. */
export interface SavedNames {
  readonly outputDir: string
  readonly outputName: string
  readonly force: boolean
  readonly saveEvery: SaveEvery
  readonly saveState: boolean
  readonly saveStateOnTrainEnd: boolean
}

/** A file or folder that the run has saved, with its number: the step or the epoch. */
export interface Saved {
  readonly number: number
  readonly path: string
}

/** The name of the file of the whole run. */
export function finalFileName({ outputName }: Pick<SavedNames, "outputName">): string {
  return `${outputName}.safetensors`
}

/** The folder of a run's state beside the file of this name, as sd-scripts names it. */
export function stateFolderName(fileName: string): string {
  return `${fileName.replace(/\.safetensors$/, "")}-state`
}

/** Whether a folder has a name that a run gives to its states: of its end, of a step or of an epoch. */
export function isStateName(name: string, outputName: string): boolean {
  return name.startsWith(outputName) && /^(-step\d{8,}|-\d{6,})?-state$/.test(name.slice(outputName.length))
}

/** Whether a run continues from one of its own states: in its folder, with its name. */
export function isOwnState({
  outputDir,
  outputName,
  resume,
}: Pick<SavedNames, "outputDir" | "outputName"> & { readonly resume: string | undefined }): boolean {
  if (resume === undefined) return false
  const path = resolve(resume)
  return dirname(path) === resolve(outputDir) && isStateName(basename(path), outputName)
}

/** What a run has saved by one rhythm up to a step, in ascending order. */
export async function savedBefore(
  { outputDir, outputName }: Pick<SavedNames, "outputDir" | "outputName">,
  { count, every, nameOf }: Pick<SaveRhythm, "count" | "every" | "nameOf">,
  step: number,
): Promise<{ readonly files: readonly Saved[]; readonly states: readonly Saved[] }> {
  const there: readonly string[] = await readdir(outputDir).catch(() => [])
  const named = (nameAt: (number: number) => string): readonly Saved[] =>
    there
      .map((name) => ({ name, number: Number(/(\d+)(?:\.safetensors|-state)$/.exec(name)?.[1]) }))
      .filter(({ number }) => number > 0 && number % count === 0 && (number / count) * every <= step)
      .filter(({ name, number }) => name === nameAt(number))
      .map(({ name, number }) => ({ number, path: join(outputDir, name) }))
      .sort((a, b) => a.number - b.number)
  return {
    files: named((number) => nameOf(outputName, number)),
    states: named((number) => stateFolderName(nameOf(outputName, number))),
  }
}

/**
 * Refuses files of an earlier run that have this run's names, names that are too long, a folder that cannot be written,
 * and a disk without room for one file. It is called before anything is loaded.
 *
 * @param plan null if the steps are not known
 * @param from the step that the run continues from. Its files up to there stay
 * @param bytes of one file
 * @throws InputError
 */
export async function trySavedFiles(names: SavedNames, plan: StepPlan | null, bytes: number, from = 0): Promise<void> {
  const there: readonly string[] = await readdir(names.outputDir).catch(() => [])
  const isPeriodic = plan === null ? () => false : periodicNames(names, plan, from)
  const periodic = there.filter(isPeriodic).sort()
  const paths = [finalFileName(names), ...periodic].map((name) => pathIn(names, name))
  const isFinished = plan !== null && from >= plan.steps
  const finalState = stateFolderName(finalFileName(names))
  // A folder that is missing appears with its state. If it were tried, a run killed meanwhile would leave it empty.
  if ((names.saveState || names.saveStateOnTrainEnd) && !isFinished && there.includes(finalState)) {
    paths.push(trainStatePath(pathIn(names, finalState)))
  }
  if (names.saveState) {
    const states = there.filter(
      (name) => isPeriodic(name.replace(/-state$/, ".safetensors")) && name.endsWith("-state"),
    )
    paths.push(...states.sort().map((name) => trainStatePath(pathIn(names, name))))
  }
  await tryOutputs(paths, { existing: names.force ? "replace" : "refuse", bytes })
  // After Ctrl-C, the name holds the step. It is the longest.
  await tryOutputs([pathIn(names, stepFileName(names.outputName, plan?.steps ?? 0))], { existing: "rename" })
}

function pathIn({ outputDir }: SavedNames, name: string): string {
  return join(outputDir, name)
}

/** Whether a name is one of those that the run saves before its end. */
function periodicNames({ outputName, saveEvery }: SavedNames, plan: StepPlan, from: number): (name: string) => boolean {
  const rhythms = saveRhythms(saveEvery, plan)
  return (name) =>
    rhythms.some(({ every, count, nameOf }) => {
      const number = Number(/(\d+)\.safetensors$/.exec(name)?.[1])
      const step = (number / count) * every
      return number % count === 0 && step > from && step < plan.steps && name === nameOf(outputName, number)
    })
}
