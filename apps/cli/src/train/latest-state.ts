import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { trainStatePath, trainStateStep } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { Reporter } from "../terminal/progress.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"
import { isStateName } from "./saved-files.ts"

/** The value of `resume` that asks for the newest state of the run. A folder of this name is `./latest`. */
export const LATEST = "latest"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/**
 * The reader with the path of the run's newest state, where `resume` is `latest`. Files after that state are the run's
 * own, and are replaced. Without a state, the run begins anew. So an engine can start the same command again.
 *
 * @throws InputError for a broken state
 */
export async function withLatestState(reader: TrainReader, reporter: Reporter): Promise<TrainReader> {
  const { resume, outputDir, outputName, saveState } = reader.settings
  if (resume !== LATEST) return reader
  if (!saveState) {
    const text = `${reader.nameOf("resume")} ${LATEST} finds what save_state has saved, and this run saves no state.`
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  const found = await findLatest(outputDir, outputName)
  const where = `${reader.nameOf("resume")} ${LATEST}`
  if (found === null) return reader.override({ where, entries: [["resume", ""]] })
  return reader.override({
    where,
    entries: [
      ["resume", found],
      ["force", true],
    ],
  })
}

/** The folder of the state with the most steps, among those of a run's name. Null: there is none. */
async function findLatest(outputDir: string, outputName: string): Promise<string | null> {
  const names: readonly string[] = await readdir(outputDir).catch(() => [])
  let latest: { readonly folder: string; readonly step: number } | null = null
  for (const name of names.filter((each) => isStateName(each, outputName)).sort()) {
    const folder = join(outputDir, name)
    const path = trainStatePath(folder)
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    const step = await trainStateStep(folder)
    if (step > (latest?.step ?? -1)) latest = { folder, step }
  }
  return latest?.folder ?? null
}
