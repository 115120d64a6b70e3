import { nearest } from "../../nearest.ts"

/** What is wrong with an argument of Python's, as a user wrote it. */
export interface ArgumentProblem {
  readonly part: string
  readonly expected: string
}

/** What is expected in place of an argument that is not known. */
export function unknownArgument(name: string, known: readonly string[]): string {
  const list = known.map((key) => `${key}=…`).join(", ")
  const meant = name === "" ? null : nearest(name, known)
  return meant === null ? list : `${list}. Did you mean ${meant}?`
}
