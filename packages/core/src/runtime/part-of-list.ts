import { CoreError } from "../errors.ts"

/** A part of the pictures of a run. */
export interface PicturePart {
  /** The index of the part's first picture. */
  readonly from: number
  /** The number of pictures in the part. */
  readonly length: number
  /** The number of all pictures. */
  readonly count: number
}

/**
 * The values of a part of the pictures. A single value, or a list of one, is for all pictures.
 *
 * @param what the values in errors
 * @throws CoreError when a list has another number of values than there are pictures
 */
export function partOfList<T>(
  list: T | readonly T[],
  { from, length, count }: PicturePart,
  what: string,
): T | readonly T[] {
  if (!isList(list) || list.length === 1) return list
  if (list.length === count) return list.slice(from, from + length)
  throw new CoreError("control-count", `generate: ${list.length} ${what} for ${count} pictures, expected 1 or ${count}`)
}

/** `Array.isArray` does not narrow lists that are readonly. */
function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
