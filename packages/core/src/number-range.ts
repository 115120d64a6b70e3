import { CoreError } from "./errors.ts"
import { listText } from "./list-text.ts"

/** The range of an option's numbers. Every number is finite. */
export interface NumberRange {
  readonly integer?: boolean
  /** The lowest allowed number. */
  readonly min?: number
  /** All numbers are above this one. */
  readonly above?: number
  /** The highest allowed number. */
  readonly max?: number
  /** All numbers are below this one. */
  readonly below?: number
}

/** A number with a default. */
export interface NumberOption extends NumberRange {
  readonly default: number
}

/** Whether a value is a number of a range. */
export function isInRange(value: unknown, { integer = false, min, above, max, below }: NumberRange): boolean {
  return (
    typeof value === "number" &&
    Number.isFinite(value) &&
    (!integer || Number.isSafeInteger(value)) &&
    (min === undefined || value >= min) &&
    (above === undefined || value > above) &&
    (max === undefined || value <= max) &&
    (below === undefined || value < below)
  )
}

/** A range in words: "a whole number from 1 to 1000", "a number above 0". */
export function rangeText({ integer = false, min, above, max, below }: NumberRange): string {
  const what = integer ? "a whole number" : "a number"
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`
  const bounds = Object.entries({ "of at least": min, above, "of at most": max, below })
    .filter(([, bound]) => bound !== undefined)
    .map(([word, bound]) => `${word} ${bound}`)
  return bounds.length === 0 ? what : `${what} ${listText(bounds, "and")}`
}

/**
 * Checks the numbers of an object against a table of ranges. Undefined values are not checked.
 *
 * @param place the owner of the options, which begins the message
 * @throws CoreError that names the first option out of its range, what was expected and what came
 */
export function checkRanges(
  place: string,
  values: Readonly<Record<string, unknown>>,
  ranges: Readonly<Record<string, NumberRange>>,
): void {
  for (const [name, range] of Object.entries(ranges)) {
    const value = values[name]
    if (value === undefined || isInRange(value, range)) continue
    throw new CoreError("option-range", `${place}: ${name} is ${shown(value)}, expected ${rangeText(range)}`)
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value)
}
