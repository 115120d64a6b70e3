import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { fromBytes, openSafetensors, type SafetensorsFile } from "@lllite/format"

/** The reference numbers: a folder `shared/reference` beside the repository, or wherever LLLITE_REFERENCE says. */
export const referenceFolder =
  process.env.LLLITE_REFERENCE ?? fileURLToPath(new URL("../../../../shared/reference", import.meta.url))

/** Whether the numbers are there: they are no part of the repository. */
export const hasReference = existsSync(referenceFolder)

/** A description, NAME.json. */
export function readDescription<T>(name: string): T {
  return JSON.parse(readFileSync(`${referenceFolder}/${name}.json`, "utf8")) as T
}

/** The tensors of NAME.safetensors. */
export function openTensors(name: string): Promise<SafetensorsFile> {
  return openSafetensors(fromBytes(readFileSync(`${referenceFolder}/${name}.safetensors`), name))
}
