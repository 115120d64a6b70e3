import type { FileHandle } from "node:fs/promises"
import { open, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { encodePng, fileError, writeAtomically } from "@lllite/runtime-node"
import { openFolder } from "@lllite/runtime-node/files"
import type { RunObserver, StepRecord } from "../observer.ts"
import { sideBySide } from "../samples/sample-files.ts"
import type { StepHistory } from "../step-history.ts"
import type { ValidationRecord } from "../validation/run-validation.ts"
import type { EncodedPicture } from "./event-file.ts"
import { optionsEvent, picturesEvent, scalarsEvent, sessionStartEvent, versionEvent } from "./event-file.ts"
import { findLog, makeLogFolder, STEPS_FILE, timeName } from "./log-folder.ts"
import type { LogSettings } from "./log-settings.ts"
import type { LogRow } from "./table-lines.ts"
import { csvLine, jsonLine, parseJsonLines } from "./table-lines.ts"

/** A log of a run, and where it is. */
export interface RunLog extends Required<Pick<RunObserver, "step" | "samples" | "validation" | "close">> {
  readonly folder: string
}

/** The run that a log is of. */
export interface LoggedRun {
  /** Steps in an epoch. */
  readonly perEpoch: number
  /** The steps before, if the run continues. */
  readonly history: StepHistory
  /** Factors on the rate, by the group of an adapter's part. Null: one rate for all. */
  readonly partRates: Readonly<Record<string, number>> | null
}

/** Groups of an adapter's parts, with the names of their rates in the lines and for TensorBoard. */
const PART_NAMES = [
  ["conditioning1", "conditionerRate", "lr/conditioner"],
  ["down", "downRate", "lr/down"],
  ["mid", "midRate", "lr/mid"],
  ["up", "upRate", "lr/up"],
] as const

/**
 * Opens the log of a run: a file of events for TensorBoard, and the same figures as JSON lines and as CSV. A run that
 * continues goes on in its log, where the lines after its step go away. Without that log, a new one has the losses of
 * the steps before.
 *
 * @param now the clock. Default: the system's
 * @throws InputError when a file cannot be written
 */
export async function openRunLog(
  { dir, prefix, trackerName, options }: LogSettings,
  { perEpoch, history, partRates }: LoggedRun,
  now: () => Date = () => new Date(),
): Promise<RunLog> {
  const found = await findLog(dir, prefix, history)
  const folder = found?.folder ?? (await makeLogFolder(dir, `${prefix}${timeName(now())}`))
  const past =
    found?.rows ??
    Array.from({ length: history.length }, (_, index) => pastRow({ perEpoch, history, partRates }, index))
  const seconds = (): number => now().getTime() / 1000
  // A run that continues may have other figures than the run before.
  const columns = [...new Set([past[0] ?? {}, pastRow({ perEpoch, history, partRates }, 0)].flatMap(Object.keys))]
  const files = await openFiles(folder, past, columns)
  const measured = await openLines(join(folder, VALIDATION_FILE), history.length)
  const events = await openEvents(join(folder, trackerName), seconds())
  await events.append(versionEvent(seconds()))
  if (found !== null) await events.append(sessionStartEvent(seconds(), history.length + 1))
  else for (const row of past) await logScalars(row)
  if (options !== null) await events.append(optionsEvent(seconds(), options))

  async function logScalars(row: LogRow): Promise<void> {
    await events.append(scalarsEvent(seconds(), row.step ?? 0, scalarsOf(row)))
    if (row.step === null || (row.step ?? 0) % perEpoch !== 0) return
    // Source: sd-scripts, which counts epochs on this axis.
    await events.append(scalarsEvent(seconds(), row.epoch ?? 0, { "loss/epoch": row.averageLoss ?? Number.NaN }))
  }

  return {
    folder,
    async step(record) {
      const row = rowOf(record, partRates)
      await files.append(row)
      await logScalars(row)
    },
    async samples({ step, pictures }) {
      const rows = pictures.map((picture, index): [string, EncodedPicture] => {
        const row = sideBySide([picture.control, picture.without, picture.with])
        return [`sample/${String(index).padStart(2, "0")}`, { ...row, png: encodePng(row) }]
      })
      await events.append(picturesEvent(seconds(), step, new Map(rows)))
    },
    async validation(record) {
      await measured.append(validationRow(record))
      await events.append(scalarsEvent(seconds(), record.step, validationScalars(record)))
    },
    async close() {
      await files.close()
      await measured.close()
      await events.close()
    },
  }
}

/** The figures of a row by their tags in sd-scripts, and further ones. */
function scalarsOf(row: LogRow): Readonly<Record<string, number>> {
  const tags = {
    "loss/current": row.loss,
    "loss/average": row.averageLoss,
    lr: row.learningRate,
    ...Object.fromEntries(PART_NAMES.map(([, name, tag]) => [tag, row[name]])),
    "lr/d*lr": row.adaptedRate,
    "norm/gradient": row.gradientNorm,
    "time/seconds_per_step": row.seconds,
    "memory/program_mib": row.memoryMiB,
    "memory/device_mib": row.deviceMiB,
  }
  return Object.fromEntries(
    Object.entries(tags).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  )
}

/** The names and the order of the columns. */
function rowOf(record: StepRecord, partRates: LoggedRun["partRates"]): LogRow {
  const { step, epoch, loss, averageLoss, learningRate, adaptedRate, gradientNorm } = record
  const { seconds, memoryMiB, deviceMiB } = record
  const parts = PART_NAMES.map(([group, name]) => [name, learningRate * (partRates?.[group] ?? 1)] as const)
  return {
    ...{ step, epoch, loss, averageLoss, learningRate, adaptedRate, gradientNorm, seconds, memoryMiB, deviceMiB },
    ...(partRates === null ? {} : Object.fromEntries(parts)),
  }
}

/** A step that another program logged elsewhere, or that was not logged. */
function pastRow({ perEpoch, history, partRates }: LoggedRun, index: number): LogRow {
  const unknown = { seconds: null, memoryMiB: null, deviceMiB: null }
  const epoch = Math.floor(index / perEpoch) + 1
  const figures = { step: index + 1, epoch, averageLoss: history.averageLoss(index), ...history.at(index) }
  return rowOf({ ...figures, ...unknown }, partRates)
}

/** The file of what held-out pairs say, in the folder of a log. */
const VALIDATION_FILE = "validation.jsonl"

function validationRow({ step, loss, lossWithout, lossAt, follow }: ValidationRecord): LogRow {
  const at = [...lossAt].map(([timestep, value]) => [`lossAt${timestep}`, value] as const)
  const followed = { follow: follow?.with ?? null, followWithout: follow?.without ?? null }
  return { step, loss, lossWithout, ...Object.fromEntries(at), ...followed, followReal: follow?.real ?? null }
}

function validationScalars({ loss, lossWithout, lossAt, follow }: ValidationRecord): Readonly<Record<string, number>> {
  const at = [...lossAt].map(([timestep, value]) => [`loss/validation/timestep_${timestep}`, value] as const)
  return {
    "loss/validation/average": loss,
    "loss/validation/without": lossWithout,
    ...Object.fromEntries(at),
    ...(follow === null ? {} : { "follow/with": follow.with, "follow/without": follow.without }),
  }
}

/** A file of JSON lines, which keeps the lines up to a step. */
async function openLines(path: string, step: number): Promise<Appended<LogRow>> {
  const rows = parseJsonLines(await readFile(path, "utf8").catch(() => ""))
  const kept = rows.filter((row) => (row.step ?? Number.POSITIVE_INFINITY) <= step)
  if (rows.length > 0) await writeAtomically(path, kept.map((row) => `${jsonLine(row)}\n`).join(""))
  let file: FileHandle | null = null
  return {
    async append(row) {
      file ??= await openFile(path, "a")
      await append(file, path, `${jsonLine(row)}\n`)
    },
    close: async () => file?.close(),
  }
}

interface Appended<T> {
  append(value: T): Promise<void>
  close(): Promise<void>
}

/** The JSON lines and the CSV of the steps. The rows before replace what is there. */
async function openFiles(
  folder: string,
  rows: readonly LogRow[],
  columns: readonly string[],
): Promise<Appended<LogRow>> {
  const json = join(folder, STEPS_FILE)
  const csv = join(folder, "steps.csv")
  await writeAtomically(json, rows.map((row) => `${jsonLine(row)}\n`).join(""))
  const lines = [columns.join(","), ...rows.map((row) => csvLine(row, columns))]
  await writeAtomically(csv, lines.map((line) => `${line}\n`).join(""))
  const files = [await openFile(json, "a"), await openFile(csv, "a")] as const
  return {
    async append(row) {
      await append(files[0], json, `${jsonLine(row)}\n`)
      await append(files[1], csv, `${csvLine(row, columns)}\n`)
    },
    async close() {
      for (const file of files) await file.close()
    },
  }
}

/** A new file of events. TensorBoard reads the files of a folder in the order of their names. */
async function openEvents(folder: string, seconds: number): Promise<Appended<Uint8Array>> {
  await openFolder(folder)
  const number = (await readdir(folder)).length
  const name = `events.out.tfevents.${Math.floor(seconds)}.lllite.${String(number).padStart(4, "0")}`
  const path = join(folder, name)
  const file = await openFile(path, "ax")
  return { append: (bytes) => append(file, path, bytes), close: () => file.close() }
}

async function openFile(path: string, flags: "a" | "ax"): Promise<FileHandle> {
  return open(path, flags).catch((cause: unknown) => {
    throw fileError("write", path, cause)
  })
}

async function append(file: FileHandle, path: string, contents: string | Uint8Array): Promise<void> {
  await file.appendFile(contents).catch((cause: unknown) => {
    throw fileError("write", path, cause)
  })
}
