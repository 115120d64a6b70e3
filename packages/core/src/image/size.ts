import { CoreError } from "../errors.ts"

/** The most pixels of a result: those of the largest picture that is drawn. */
const MOST_PIXELS = 2 ** 28

/** Expects the sides of a picture. @throws CoreError `picture-size` */
export function expectSize(width: number, height: number): void {
  const areSides = [width, height].every((side) => Number.isSafeInteger(side) && side >= 1)
  if (areSides && width * height <= MOST_PIXELS) return
  throw new CoreError(
    "picture-size",
    `resize: ${width} x ${height} is not a size. Both sides must be positive integers, of at most ${MOST_PIXELS} pixels.`,
  )
}
