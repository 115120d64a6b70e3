import { statfs } from "node:fs/promises"
import { dirname, join } from "node:path"
import { readTextFile, writeAtomically } from "@lllite/runtime-node"
import type { Reporter } from "../../terminal/progress.ts"
import { plural, sizeText } from "../../terminal/text.ts"
import type { DatasetFile } from "./dataset-file.ts"
import { datasetToml } from "./dataset-file.ts"
import { exists } from "./marked-files.ts"

/** The file of a data set that training reads. */
export const CONFIG_NAME = "dataset.toml"

/** A data set whose pairs are complete. */
export interface CompleteSet {
  readonly folder: string
  readonly pairs: number
  /** Pairs of this run. The others were there. */
  readonly made: number
  readonly file: DatasetFile
  /** Another `dataset.toml` is replaced. */
  readonly force: boolean
}

/** Writes `dataset.toml`, and says what to do with it. One that was changed by hand is kept. */
export async function finishSet({ folder, pairs, made, file, force }: CompleteSet, reporter: Reporter): Promise<void> {
  const path = join(folder, CONFIG_NAME)
  const text = datasetToml(file)
  const isOther = (await exists(path)) && (await readTextFile(path)) !== text
  if (isOther && !force) {
    const notice = `"${path}" is kept. It differs from what this run would write.`
    reporter.say("notice", { text: notice }, `Note: ${notice}`)
  } else await writeAtomically(path, text)
  const before = pairs - made
  reporter.say(
    "done",
    { pairs, made, config: path },
    `${plural(pairs, "pair")}${before > 0 ? `, of which ${before} were there` : ""}. Check them: lllite dataset check ${path}\nTrain with them: lllite train --dataset_config ${path} …`,
  )
}

/** What a run would do. */
export interface DryRun {
  readonly folder: string
  readonly pairs: number
  /** Pairs that are complete already. */
  readonly finished: number
  /** Where pictures and captions come from, and the size for training, each as a line. */
  readonly facts: readonly (readonly [name: string, text: string])[]
  /** Bytes that the missing files take at most. */
  readonly mostBytes: number
  /** Bytes that they take by a few that were made in memory. Null: none was made. */
  readonly likelyBytes: number | null
}

/** Says what a run would do. */
export async function sayDryRun(run: DryRun, reporter: Reporter): Promise<void> {
  const { folder, pairs, finished, facts, mostBytes, likelyBytes } = run
  const free = await freeBytes(folder)
  const likely = likelyBytes === null ? "" : `about ${sizeText(likelyBytes)}, and `
  const lines = [
    ["Data set", `${folder}, ${plural(pairs, "pair")}`],
    ["To make", finished === 0 ? "all of them" : `${pairs - finished}, since ${finished} are there`],
    ...facts,
    ["Disk", `${likely}at most ${sizeText(mostBytes)}${free === null ? "" : ` of ${sizeText(free)} that are free`}`],
  ]
  reporter.say(
    "plan",
    { folder, pairs, finished, ...Object.fromEntries(facts), mostBytes, likelyBytes, freeBytes: free },
    [...lines.map(([name = "", text]) => `${name.padEnd(10)}${text}`), "Nothing was written."].join("\n"),
  )
}

/** Free bytes where a folder is or would be made. Null: unknown. */
async function freeBytes(folder: string): Promise<number | null> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await statfs(at).catch(() => null)
    if (found !== null) return found.blocks === 0 ? null : found.bavail * found.bsize
    if (at === dirname(at)) return null
  }
}
