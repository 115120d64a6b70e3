import { countedNotice } from "@lllite/core/names"

/** What a check of a data set found: the kinds of `FileProblem` and `Remark`, traits of pictures, and those below. */
export interface Finding {
  readonly kind: string
  /** A `problem` keeps the data set from being trained. A `warning` may be a mistake. A `note` is rarely one. */
  readonly level: "problem" | "warning" | "note"
  /** One or more sentences: what it is, and what to do. */
  readonly text: string
  /** The files that it is about, in order. */
  readonly files: readonly string[]
  /** The same files, if they are equal or alike in groups. */
  readonly groups?: readonly (readonly string[])[]
  /** The folder that a problem belongs to, as numbers of its tables from 0. */
  readonly place?: SubsetPlace
}

/** A subset of a data set, by the numbers of its tables. */
export interface SubsetPlace {
  readonly dataset: number
  readonly subset: number
}

type Sentence = (subject: string, isOne: boolean) => string

/** A finding about files of one sort. None without files. */
export function findingOf(
  kind: string,
  level: Finding["level"],
  files: readonly string[],
  what: string,
  sentence: Sentence,
): readonly Finding[] {
  return countedNotice(files, what, sentence).map((text) => ({ kind, level, text, files }))
}

/** A finding about groups of files that belong together. None without groups. */
export function groupFinding(
  kind: string,
  groups: readonly (readonly string[])[],
  what: string,
  sentence: (groups: string) => string,
): readonly Finding[] {
  if (groups.length === 0) return []
  const files = groups.flat()
  const subject = `${files.length} ${what} in ${groups.length === 1 ? "one group" : `${groups.length} groups`}`
  return [{ kind, level: "warning", text: sentence(subject), files, groups }]
}
