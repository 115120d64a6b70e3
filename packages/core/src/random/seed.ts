import { valueText } from "../argument.ts"
import { CoreError } from "../errors.ts"

/** A seed: 0 to 2^64 - 1, as in ComfyUI and PyTorch. Numbers hold up to 2^53 - 1 exactly, and a bigint holds the rest. */
export type Seed = number | bigint

/** The largest seed, 2^64 - 1. */
export const LARGEST_SEED = 2n ** 64n - 1n

/**
 * Reads a seed: a number, a bigint, or a text of decimal digits. Null for anything else. The result is a number where
 * a number is exact.
 */
export function readSeed(value: unknown): Seed | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : null
  const whole =
    typeof value === "bigint" ? value : typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : null
  if (whole === null || whole < 0n || whole > LARGEST_SEED) return null
  return whole <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(whole) : whole
}

/** Checks a seed. @throws CoreError that names its owner */
export function checkSeed(place: string, seed: Seed): void {
  if (readSeed(seed) !== null) return
  const advice = typeof seed === "number" && seed > Number.MAX_SAFE_INTEGER ? " Above 2^53 - 1, give a bigint." : ""
  throw new CoreError(
    "seed",
    `${place}: seed is ${seedText(seed)}, expected a whole number from 0 to 2^64 - 1.${advice}`,
  )
}

/** A seed that may be anything, in words. */
function seedText(seed: unknown): string {
  return typeof seed === "number" || typeof seed === "bigint" ? String(seed) : valueText(seed)
}

/** The seed `steps` after another. @throws CoreError when it is above 2^64 - 1 */
export function seedAfter(seed: Seed, steps: number): Seed {
  checkSeed("seed", seed)
  if (!Number.isSafeInteger(steps))
    throw new CoreError("seed", `seed: ${String(steps)} after ${seed} is not a whole number`)
  const next = readSeed(BigInt(seed) + BigInt(steps))
  if (next === null) throw new CoreError("seed", `seed: ${steps} after ${seed} is above 2^64 - 1`)
  return next
}

/** The sum of two seeds, which begins at 0 again after 2^64 - 1. */
export function addSeeds(seed: Seed, other: Seed | string): Seed {
  const sum = (BigInt(seed) + BigInt(other)) % (LARGEST_SEED + 1n)
  return readSeed(sum) ?? sum
}

/** A seed as JSON has it: a number where it is exact, and digits above 2^53 - 1. @throws CoreError for no seed */
export function jsonSeed(seed: Seed): number | string {
  checkSeed("recipe", seed)
  const read = readSeed(seed)
  return typeof read === "number" ? read : String(seed)
}
