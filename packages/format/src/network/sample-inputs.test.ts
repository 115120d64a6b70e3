import { describe, expect, it } from "vitest"
import { columnMeans, covariance, matrix, timesTransposed } from "./matrix.ts"
import { createRandom, samplePatches, sampleProjection } from "./sample-inputs.ts"

/** Numbers of other code of the same source, by seed. */
const KNOWN: readonly (readonly [seed: number, numbers: readonly number[]])[] = [
  [0, [0.3921251413412392, 0.8505931859835982, 0.684420470148325]],
  [5, [0.8227063214872032, 0.867744313320145, 0.17694509192369878]],
  [2 ** 32 - 1, [0.9197099530138075, 0.999645066447556]],
]

it("has the numbers of SplitMix, from 0 to 1", () => {
  for (const [seed, numbers] of KNOWN) {
    const random = createRandom(seed)
    for (const number of numbers) expect(random()).toBe(number)
  }
})

it("draws projections whose mean is the bias, with the covariance of the weight's rows", () => {
  const weight = matrix(3, 4, Float64Array.of(1, 0, 0, 0, 0.5, 2, 0, 0, -1, 1, 1, 0.5))
  const bias = Float64Array.of(3, -1, 0.5)
  const rows = sampleProjection(weight, bias, 20_000, createRandom(3))
  expect([rows.rows, rows.cols]).toEqual([20_000, 3])
  for (const [i, mean] of columnMeans(rows).entries()) expect(mean).toBeCloseTo(bias[i] ?? Number.NaN, 1)
  const wanted = timesTransposed(weight, weight).data
  for (const [i, value] of covariance(rows, rows).data.entries()) {
    expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThan(0.15)
  }
})

describe("patches of pictures", () => {
  /** The pixels of each patch by their place: [patch][y][x][channel]. The kernels are those of a conditioner. */
  function pictures(kernels: readonly number[], count: number): number[][][][] {
    const size = kernels.reduce((product, kernel) => product * kernel, 1)
    const rows = samplePatches(kernels, count, createRandom(9))
    const [first = 1] = kernels
    expect([rows.rows, rows.cols]).toEqual([(count * size * size) / first ** 2, 3 * first ** 2])
    let at = 0
    return Array.from({ length: count }, () => {
      const picture = Array.from({ length: size }, () => Array.from({ length: size }, (): number[] => []))
      /** The last kernel's places are the outermost ones. */
      const visit = (level: number, left: number, top: number): void => {
        if (level < 0) {
          const row = picture[top] ?? []
          row[left] = [...rows.data.subarray(at, at + 3)]
          at += 3
          return
        }
        const kernel = kernels[level] ?? 1
        const step = kernels.slice(0, level).reduce((product, each) => product * each, 1)
        for (let y = 0; y < kernel; y++)
          for (let x = 0; x < kernel; x++) visit(level - 1, left + x * step, top + y * step)
      }
      visit(kernels.length - 1, 0, 0)
      return picture
    })
  }

  const flat = (picture: number[][][]): number[] => picture.flat(2)
  /** The largest second difference along rows and columns. A ramp has none. */
  const bend = (picture: number[][][], channel: number): number => {
    const at = (y: number, x: number): number => picture[y]?.[x]?.[channel] ?? Number.NaN
    let most = 0
    for (let y = 1; y + 1 < picture.length; y++) {
      for (let x = 1; x + 1 < picture.length; x++) {
        most = Math.max(most, Math.abs(at(y, x - 1) - 2 * at(y, x) + at(y, x + 1)))
        most = Math.max(most, Math.abs(at(y - 1, x) - 2 * at(y, x) + at(y + 1, x)))
      }
    }
    return most
  }

  it("are flat, lines, a grey ramp and a ramp in colour in turn", () => {
    for (const kernels of [
      [4, 4],
      [4, 2],
      [4, 4, 2],
    ]) {
      const all = pictures(kernels, 40)
      for (const [i, picture] of all.entries()) {
        const values = flat(picture)
        expect(Math.min(...values)).toBeGreaterThanOrEqual(-1)
        expect(Math.max(...values)).toBeLessThanOrEqual(1)
        const isGrey = picture.flat().every(([red, green, blue]) => red === green && green === blue)
        expect(isGrey).toBe(i % 4 !== 3)
        if (i % 4 === 0) expect(new Set(values).size).toBe(1)
        if (i % 4 === 1) expect(values.every((value) => value === 1 || value === -1)).toBe(true)
        if (i % 4 >= 2) {
          // A ramp has no bend, unless it is cut at black or white.
          const isCut = values.some((value) => Math.abs(value) === 1)
          const bends = [0, 1, 2].map((channel) => bend(picture, channel))
          if (!isCut) expect(Math.max(...bends)).toBeLessThan(1e-9)
          expect(new Set(values).size).toBeGreaterThan(1)
        }
      }
      const kind = (k: number): number[][][][] => all.filter((_, i) => i % 4 === k)
      const brightness = kind(0).map((picture) => flat(picture)[0] ?? 0)
      expect(Math.min(...brightness)).toBeLessThan(-0.4)
      expect(Math.max(...brightness)).toBeGreaterThan(0.4)
      // Lines are thin. A pixel of one lies within 0.7 of it, so that it crosses the whole patch without a gap.
      const size = kernels.reduce((product, kernel) => product * kernel, 1)
      const white = kind(1).map((picture) => flat(picture).filter((value) => value === 1).length / 3)
      for (const pixels of white) expect(pixels).toBeLessThan(3 * 2 * 1.5 * size)
      expect(white.filter((pixels) => pixels > 0).length).toBeGreaterThan(7)
      expect(white.some((pixels) => pixels > size)).toBe(true)
      // Ramps that are not cut, in both directions.
      const smooth = [...kind(2), ...kind(3)].filter((picture) => flat(picture).every((value) => Math.abs(value) < 1))
      expect(smooth.length).toBeGreaterThan(2)
      const slope = (picture: number[][][], dy: number, dx: number): number =>
        (picture[dy]?.[dx]?.[0] ?? Number.NaN) - (picture[0]?.[0]?.[0] ?? Number.NaN)
      expect(smooth.some((picture) => slope(picture, 1, 0) > 0)).toBe(true)
      expect(smooth.some((picture) => slope(picture, 1, 0) < 0)).toBe(true)
      expect(smooth.some((picture) => slope(picture, 0, 1) > 0)).toBe(true)
      expect(smooth.some((picture) => slope(picture, 0, 1) < 0)).toBe(true)
      // Over a whole patch, a ramp rises by at most 1 in each direction.
      for (const picture of smooth) expect(Math.abs(slope(picture, 0, size - 1))).toBeLessThanOrEqual(1)
    }
  })
})
