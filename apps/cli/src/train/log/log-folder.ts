import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileError } from "@lllite/runtime-node"
import { makeFolder, tryOutputs } from "@lllite/runtime-node/files"
import type { StepHistory } from "../step-history.ts"
import type { LogSettings } from "./log-settings.ts"
import type { LogRow } from "./table-lines.ts"
import { parseJsonLines } from "./table-lines.ts"

/** The file of a log's steps in its folder. */
export const STEPS_FILE = "steps.jsonl"

/** The local time as sd-scripts puts it into names: `20261231235959`. */
export function timeName(date: Date): string {
  const parts = [date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
  return [String(date.getFullYear()), ...parts.map((part) => String(part).padStart(2, "0"))].join("")
}

/**
 * Makes the folder of a new log. A name that is taken gets a number.
 *
 * @throws InputError when it cannot be made
 */
export async function makeLogFolder(loggingDir: string, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = join(loggingDir, number === 1 ? name : `${name}-${number}`)
    try {
      if ((await makeFolder(folder)) !== undefined) return folder
    } catch (cause) {
      throw fileError("make", folder, cause)
    }
  }
}

/** The log of a run that continues, with its steps up to there. */
export interface FoundLog {
  readonly folder: string
  readonly rows: readonly LogRow[]
}

/**
 * Finds the log that a run continues: the newest one that has the losses of all steps of the run so far. The state of a
 * run does not name its log, so that the same run has the same state wherever it is logged.
 *
 * @param prefix of the names of logs
 */
export async function findLog(loggingDir: string, prefix: string, history: StepHistory): Promise<FoundLog | null> {
  if (history.length === 0) return null
  const names = await readdir(loggingDir).catch(() => [])
  for (const name of names
    .filter((name) => name.startsWith(prefix))
    .sort()
    .reverse()) {
    const folder = join(loggingDir, name)
    const text = await readFile(join(folder, STEPS_FILE), "utf8").catch(() => "")
    const rows = parseJsonLines(text).slice(0, history.length)
    const isSame = (row: LogRow, index: number): boolean => row.step === index + 1 && row.loss === history.losses[index]
    if (rows.length === history.length && rows.every(isSame)) return { folder, rows }
  }
  return null
}

/** Tries whether a log can be written, before the work. @throws InputError */
export async function tryLogFolder(log: LogSettings | null): Promise<void> {
  if (log === null) return
  const name = `${log.prefix}${timeName(new Date())}`
  // The folder of all logs first: its problem is the plainer one.
  await tryOutputs([join(log.dir, name), join(log.dir, name, log.trackerName, "events")], {
    existing: "rename",
    bytes: LOG_BYTES,
  })
}

/** Bytes that the log of a short run takes at most. */
const LOG_BYTES = 2 ** 20
