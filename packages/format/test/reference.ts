import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"

/** The reference cases: a folder `shared/reference` beside the repository, or the folder that LLLITE_REFERENCE names. */
const folder = process.env.LLLITE_REFERENCE ?? fileURLToPath(new URL("../../../../shared/reference", import.meta.url))

/** A suite that needs the reference cases; where they are missing it is one skipped test that says so. */
export function describeWithReference(name: string, suite: () => void): void {
  if (existsSync(folder)) describe(name, suite)
  else describe(name, () => it.skip(`needs the reference cases, and there is no ${folder}`, () => {}))
}

export function referenceBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${folder}/${name}`))
}

export function referenceJson<T>(name: string): T {
  return JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as T
}
