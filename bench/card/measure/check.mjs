// Compares values of a device with float64. Places are sampled if a complete comparison would take too long.

/** A kernel computed wrong values. It is then not timed. */
export class WrongValue extends Error {
  name = "WrongValue"
}

/**
 * Greatest difference between what a device computed and what was expected, over the greatest expected magnitude.
 *
 * @param got values of the device
 * @param expected expected values, one for each place
 * @param places indices into `got`. Default: all
 * @throws WrongValue if that is over `tolerance`, if a value is not a number, or if there is nothing to compare
 */
export function relativeError(what, got, expected, tolerance, places = null) {
  if (expected.length === 0) throw new WrongValue(`${what}: nothing was compared`)
  if (places === null && got.length !== expected.length) {
    throw new WrongValue(`${what}: ${got.length} values, expected ${expected.length}`)
  }
  let [worst, at, greatest] = [-1, 0, 0]
  for (let i = 0; i < expected.length; i++) {
    const place = places === null ? i : places[i]
    const apart = Math.abs(got[place] - expected[i])
    // NaN is the largest error, and so is a place outside of `got`.
    if (!(apart <= worst)) [worst, at] = [Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart, i]
    greatest = Math.max(greatest, Math.abs(expected[i]))
  }
  if (greatest === 0) throw new WrongValue(`${what}: every expected value is 0, which shows nothing`)
  const error = worst / greatest
  if (!(error <= tolerance)) {
    const place = places === null ? at : places[at]
    throw new WrongValue(
      `${what}: value ${place} is ${got[place]}, expected ${expected[at]}; relative to the greatest, ${greatest}, that ` +
        `is an error of ${error.toExponential(2)}, expected at most ${tolerance}`,
    )
  }
  return error
}

/**
 * Numbers below `count`, ascending and each once. They are the first, the last, those near multiples of `edge` (where
 * tiles meet), and random others. There are about `most` of them, or all if `count` is smaller.
 */
export function sample(count, most, edge = 32) {
  if (count <= most) return Array.from({ length: count }, (_, i) => i)
  const taken = new Set([0, count - 1, edge - 1, edge, count - (count % edge || edge)])
  let state = count >>> 0
  while (taken.size < most) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    taken.add(Math.floor((state / 2 ** 32) * count))
  }
  return [...taken].filter((i) => i < count).sort((a, b) => a - b)
}
