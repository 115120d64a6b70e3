import { expect } from "vitest"

/** Greatest difference over the greatest expected value. */
export function apart(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length)
  let [difference, greatest] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs((got[i] as number) - (expected[i] as number))
    difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(difference, apart)
    greatest = Math.max(greatest, Math.abs(expected[i] as number))
  }
  return difference === 0 ? 0 : difference / greatest
}
