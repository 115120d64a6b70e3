import type { Field } from "./fields.ts"
import { readObject, readOr, readText, refuse } from "./fields.ts"
import type { FileReference } from "./file-reference.ts"

/** Reads a file of a recipe. @throws CoreError with its path */
export function readFile(at: Field): FileReference {
  const field = readObject(at, ["path", "sha256"])
  const path = readText(field("path"))
  if (path === "") throw refuse(field("path"), "the name of a file")
  const sha256 = readOr(field("sha256"), null, readText)
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw refuse(field("sha256"), "64 hexadecimal digits in lower case")
  }
  return { path, ...(sha256 === null ? {} : { sha256 }) }
}
