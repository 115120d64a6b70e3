import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { needs } from "./needs.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The whole set of cases: the folder that LLLITE_REFERENCE names, or `shared/reference` beside the repository. */
export const wholeReference = process.env.LLLITE_REFERENCE ?? here("../../../../shared/reference")

/** The cases that the repository has: those of the tiny networks. */
export const treeReference = here("../../../reference")

/**
 * The cases that tests run: the whole set where it is there, or else those of the repository. A folder that is named
 * and missing is an error, because far fewer cases would run in its place.
 */
export const referenceFolder = chooseFolder()

function chooseFolder(): string {
  if (existsSync(wholeReference)) return wholeReference
  if (process.env.LLLITE_REFERENCE === undefined) return treeReference
  throw new Error(`LLLITE_REFERENCE names "${wholeReference}", which is not there. Name a folder, or unset it.`)
}

/** A suite that needs files of the reference. Without one of them it is one skipped test that names it. */
export function describeWithReference(name: string, files: readonly string[], suite: () => void): void {
  const missing = files.find((file) => !existsSync(`${referenceFolder}/${file}`))
  if (missing === undefined) describe(name, suite)
  else
    describe(name, () => it("is not run", needs(`${missing}, which ${referenceFolder} does not have`, false), () => {}))
}

export function referenceBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${referenceFolder}/${name}`))
}

export function referenceJson<T>(name: string): T {
  return JSON.parse(
    readFileSync(`${referenceFolder}/${name}`, "utf8").replaceAll(/:\s*-?(?:Infinity|NaN)\b/g, ":null"),
  ) as T
}
