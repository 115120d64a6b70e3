import { mkdir, rm } from "node:fs/promises"
import { basename } from "node:path"
import type { Content } from "../files/contents.ts"
import type { Places } from "../files/locate.ts"
import { locateFiles } from "../files/locate.ts"
import { mediaType } from "../files/media-type.ts"
import type { CommandInput, GenerateInput, Job, ResultFile } from "./job.ts"
import type { JobReport, MadeFile, Runner } from "./runner.ts"

/** Where a job runs. */
export interface MakingParts {
  readonly runner: Runner
  readonly places: Places
  /** The job's folder. It is empty at first, and removed when the files are kept. */
  readonly folder: string
  /** Keeps a made file. */
  readonly keep: (path: string) => Promise<Content>
}

/**
 * Runs a job and keeps its files.
 *
 * @throws ServeError `file-unknown`; the errors of the runner and of `keep`
 */
export async function makeFiles(
  { kind, input }: Pick<Job, "kind" | "input">,
  { runner, places, folder, keep }: MakingParts,
  signal: AbortSignal,
  report: (report: JobReport) => void,
): Promise<readonly ResultFile[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const run = async (): Promise<readonly MadeFile[]> => {
    if (kind !== "generate") return runner.command(kind, { input: input as CommandInput, folder, signal, report })
    const generate = input as GenerateInput
    const recipes = await locateFiles(generate.recipes, places)
    return runner.generate({ input: { ...generate, recipes }, folder, signal, report })
  }
  const results: ResultFile[] = []
  for (const { path, recipe } of await run()) {
    const type = await mediaType(path)
    const content = await keep(path)
    results.push({ name: basename(path), ...content, type, ...(recipe === undefined ? {} : { recipe }) })
  }
  await rm(folder, { recursive: true, force: true })
  return results
}
