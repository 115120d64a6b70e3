import { access, constants, mkdir } from "node:fs/promises"
import type { LlliteSpec } from "@lllite/format/modelspec"
import { fileError } from "@lllite/runtime-node"
import { UsageError } from "../terminal/errors.ts"

/** Makes a folder and checks that it is writable. So a long run does not fail when it saves. */
export async function prepareFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
    await access(path, constants.W_OK)
  } catch (cause) {
    throw fileError("write into", path, cause)
  }
}

/**
 * The date for a file: SOURCE_DATE_EPOCH, or none. The clock is never read, so the same training gives the same bytes.
 * See https://reproducible-builds.org/docs/source-date-epoch/.
 *
 * @throws UsageError when SOURCE_DATE_EPOCH is not a number of seconds
 */
export function fileDate(environment: NodeJS.ProcessEnv = process.env): Pick<LlliteSpec, "date"> {
  const epoch = environment.SOURCE_DATE_EPOCH
  if (epoch === undefined || epoch === "") return {}
  const seconds = Number(epoch)
  // The latest moment that a Date can hold.
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > 8.64e12) {
    throw new UsageError("environment", `SOURCE_DATE_EPOCH is "${epoch}", expected whole seconds since 1970`)
  }
  return { date: new Date(1000 * seconds).toISOString().slice(0, 19) }
}

/** The name of a file saved during the run, as in sd-scripts: `name-step00000100`. */
export function stepFileName(name: string, step: number): string {
  return `${name}-step${String(step).padStart(8, "0")}.safetensors`
}

/** `name-000002`, after a whole number of epochs. */
export function epochFileName(name: string, epoch: number): string {
  return `${name}-${String(epoch).padStart(6, "0")}.safetensors`
}
