import { basename } from "node:path"
import { fileMatching, isPattern, isRemote, localPath } from "@lllite/runtime-node/files"
import type { OptionSource } from "@lllite/runtime-node/options"
import { createReporter, type Reporter } from "../terminal/progress.ts"

/** The part of an option reader that is needed here. */
interface Reader {
  readonly settings: object
  finish(): unknown
  override(source: OptionSource): Reader
  withDefaults(source: OptionSource): Reader
}

/** Milliseconds between two reports of a download. */
const REPORT_EVERY = 250

/**
 * The reader with local paths in the place of addresses, of names on the Hub, and of patterns such as `sdxl*.safetensors`
 * that match one file. Files of the web are downloaded into the cache, after the reader has no problem.
 *
 * @param names settings that name files of models
 * @throws UsageError with the problems of the reader; and as `localPath` and `fileMatching`
 */
export async function localModels<R extends Reader>(
  reader: R,
  names: readonly (keyof R["settings"])[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<R> {
  const settings: R["settings"] = reader.settings
  const toLocal = createLocalPaths(reader, reporter, signal)
  const paths = new Map<unknown, string>()
  for (const name of names) {
    const value = settings[name]
    const texts = [value].flat().filter((text): text is string & typeof text => typeof text === "string")
    if (!(await hasRemote(texts)) && !texts.some(isPattern)) continue
    reader.finish()
    for (const text of texts) paths.set(text, await toLocal(text))
  }
  return paths.size === 0 ? reader : withPaths(reader, names, paths)
}

/** A reader with paths in the place of texts, also where it is joined with another source. */
function withPaths<R extends Reader>(reader: R, names: readonly PropertyKey[], paths: ReadonlyMap<unknown, string>): R {
  const local = (value: unknown): unknown => paths.get(value) ?? value
  const settings = Object.fromEntries(
    Object.entries(reader.settings).map(([name, value]: [string, unknown]) => {
      if (!names.includes(name)) return [name, value]
      return [name, Array.isArray(value) ? value.map(local) : local(value)]
    }),
  )
  return {
    ...reader,
    settings,
    override: (source: OptionSource) => withPaths(reader.override(source), names, paths),
    withDefaults: (source: OptionSource) => withPaths(reader.withDefaults(source), names, paths),
  }
}

/** Gives the local path of a text that names a file, and downloads the file before. A path stays as it is. */
export type LocalPaths = (text: string) => Promise<string>

/** Local paths for one command. Each address is asked for once. @throws as `localPath` and `fileMatching` */
export function createLocalPaths(
  { settings }: Pick<Reader, "settings">,
  reporter: Reporter,
  signal: AbortSignal,
): LocalPaths {
  const isOffline = "offline" in settings && settings.offline === true
  const report = createReport(reporter)
  const paths = new Map<string, string>()
  return async (text) => {
    const known = paths.get(text)
    if (known !== undefined) return known
    if (!(await isRemote(text))) return fileMatching(text)
    const path = await localPath(text, { signal, onProgress: report, ...(isOffline ? { offline: true } : {}) })
    reporter.say("model", { path }, `Using ${path}`)
    paths.set(text, path)
    return path
  }
}

/** The files of a command that reads files, with those of the web downloaded. What it says goes to stderr. */
export async function localFiles(files: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (!(await hasRemote(files))) return files
  const reporter = createReporter(process.stderr)
  try {
    return await inOrder(files, createLocalPaths({ settings: {} }, reporter, signal))
  } finally {
    reporter.close()
  }
}

async function hasRemote(texts: readonly string[]): Promise<boolean> {
  for (const text of texts) if (await isRemote(text)) return true
  return false
}

async function inOrder(texts: readonly string[], toLocal: LocalPaths): Promise<readonly string[]> {
  const local: string[] = []
  for (const text of texts) local.push(await toLocal(text))
  return local
}

/** Reports the bytes of downloads, and not each piece. */
function createReport(reporter: Reporter): (address: string, done: number, size: number | null) => void {
  let last = 0
  return (address, done, size) => {
    const now = performance.now()
    if (size === null || (now - last < REPORT_EVERY && done < size)) return
    last = now
    reporter.progress(`download ${basename(address)}`, done, size)
  }
}
