import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { tryOutputs } from "@lllite/runtime-node/files"
import { epochFileName, stepFileName } from "../lllite-file/save-lllite.ts"
import type { StepPlan } from "./step-plan.ts"

/** What the names of a run's files follow from. */
export interface SavedNames {
  readonly outputDir: string
  readonly outputName: string
  readonly force: boolean
  readonly saveEvery: { readonly steps: number } | { readonly epochs: number } | null
}

/** The name of the file of the whole run. */
export function finalFileName({ outputName }: Pick<SavedNames, "outputName">): string {
  return `${outputName}.safetensors`
}

/**
 * Refuses files of an earlier run that have this run's names, names that are too long, a folder that cannot be written,
 * and a disk without room for one file. It is called before anything is loaded.
 *
 * @param plan null if the steps are not known
 * @param bytes of one file
 * @throws InputError
 */
export async function trySavedFiles(names: SavedNames, plan: StepPlan | null, bytes: number): Promise<void> {
  const there = await readdir(names.outputDir).catch(() => [])
  const periodic = plan === null ? [] : there.filter(periodicNames(names, plan)).sort()
  const paths = [finalFileName(names), ...periodic].map((name) => pathIn(names, name))
  await tryOutputs(paths, { existing: names.force ? "replace" : "refuse", bytes })
  // After Ctrl-C, the name holds the step. It is the longest.
  await tryOutputs([pathIn(names, stepFileName(names.outputName, plan?.steps ?? 0))], { existing: "rename" })
}

function pathIn({ outputDir }: SavedNames, name: string): string {
  return join(outputDir, name)
}

/** Whether a name is one of those that the run saves before its end. */
function periodicNames(
  { outputName, saveEvery }: SavedNames,
  { steps, perEpoch }: StepPlan,
): (name: string) => boolean {
  if (saveEvery === null) return () => false
  const [every, nameOf, last] =
    "steps" in saveEvery
      ? [saveEvery.steps, stepFileName, steps - 1]
      : [saveEvery.epochs, epochFileName, Math.ceil(steps / perEpoch) - 1]
  return (name) => {
    const count = Number(/(\d+)\.safetensors$/.exec(name)?.[1])
    return count >= 1 && count <= last && count % every === 0 && name === nameOf(outputName, count)
  }
}
