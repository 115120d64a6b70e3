import { GENERATE_RANGES, SIDE_MULTIPLE } from "../generation/defaults.ts"
import { readSeed } from "../random/seed.ts"
import type { Field } from "./fields.ts"
import { readNumber, refuse } from "./fields.ts"

/* Numbers that several parts of a recipe have. */

/** The seed as JSON has it: a number where it is exact, and digits above. */
export function readJsonSeed(at: Field): number | string {
  const seed = readSeed(at.value)
  if (seed === null) throw refuse(at, "a whole number from 0 to 2^64 - 1, as digits in quotes above 2^53 - 1")
  return typeof seed === "number" ? seed : String(seed)
}

/** A side of a picture in pixels. */
export function readSide(at: Field): number {
  const side = readNumber(at, GENERATE_RANGES.width)
  if (side % SIDE_MULTIPLE !== 0) throw refuse(at, `a multiple of ${SIDE_MULTIPLE}`)
  return side
}
