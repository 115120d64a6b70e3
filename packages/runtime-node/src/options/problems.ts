/** A problem, and its place. */
export interface Problem {
  /** A command, a file, or a table of a file. */
  readonly where: string
  /** The line in the file, from 1. */
  readonly line?: number
  /** One or more sentences. The last has no full stop. */
  readonly text: string
}

/** How many problems of one place are written out. */
const SHOWN_PROBLEMS = 20

/**
 * All problems in one message: one line for one problem, a counted list for several. Problems of one place stand
 * together. The same problem is named once.
 *
 * @param notes options without effect, which belong to the same answer
 */
export function describeProblems(title: string, all: readonly Problem[], notes: readonly string[] = []): string {
  // A file that two options read may have the same problem for both.
  const problems = [...new Map(all.map((each) => [JSON.stringify([each.where, each.line, each.text]), each])).values()]
  const [only] = problems
  const head =
    only !== undefined && problems.length === 1
      ? `${placeText(only)}: ${only.text}`
      : `${title}: ${problems.length} problems:${listProblems(title, problems).join("")}`
  const noted = notes.map((note) => `\n  - ${note}`).join("")
  return notes.length === 0 ? head : `${head}\n${notes.length === 1 ? "One note:" : `${notes.length} notes:`}${noted}`
}

function listProblems(title: string, problems: readonly Problem[]): readonly string[] {
  const places = new Map<string, Problem[]>()
  for (const problem of problems) places.set(problem.where, [...(places.get(problem.where) ?? []), problem])
  return [...places.values()].flatMap((all) => {
    const sorted = all.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    const lines = sorted.slice(0, SHOWN_PROBLEMS).map((each) => `\n  - ${inside(title, each)}${each.text}`)
    const [first] = sorted
    const more = sorted.length - SHOWN_PROBLEMS
    return more <= 0 || first === undefined
      ? lines
      : [...lines, `\n  - ${inside(title, { where: first.where })}and ${more} more`]
  })
}

function placeText({ where, line }: Pick<Problem, "where" | "line">): string {
  return line === undefined ? where : `${where}, line ${line}`
}

/** The place in a list below a title, which is not said again. */
function inside(title: string, problem: Pick<Problem, "where" | "line">): string {
  const place = placeText(problem)
  if (place === title) return ""
  const rest = place.startsWith(title) ? place.slice(title.length).replace(/^[:,] /, "") : place
  return `${rest}: `
}

/** The problems that an error lists, or null. */
export function problemsOf(error: unknown): readonly Problem[] | null {
  if (!(error instanceof Error) || !("problems" in error) || !Array.isArray(error.problems)) return null
  return error.problems.every(isProblem) ? error.problems : null
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "where" in value && "text" in value
}
