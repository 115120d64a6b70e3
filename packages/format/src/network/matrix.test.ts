import fc from "fast-check"
import { expect, it } from "vitest"
import type { Matrix } from "./matrix.ts"
import {
  cholesky,
  covariance,
  matrix,
  solveSymmetric,
  symmetricEigen,
  times,
  timesTransposed,
  transpose,
} from "./matrix.ts"

const anyMatrix = (rows: number, cols: number): fc.Arbitrary<Matrix> =>
  fc
    .array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: rows * cols, maxLength: rows * cols })
    .map((values) => matrix(rows, cols, Float64Array.from(values)))

const expectNear = (a: Matrix, b: Matrix, within: number): void => {
  expect([a.rows, a.cols]).toEqual([b.rows, b.cols])
  const worst = a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] as number))), 0)
  expect(worst).toBeLessThan(within)
}

it("multiplies, transposed or not", () => {
  const a = matrix(2, 3, Float64Array.of(1, 2, 3, 4, 5, 6))
  const b = matrix(3, 1, Float64Array.of(1, 0, -1))
  expect([...times(a, b).data]).toEqual([-2, -2])
  expect(timesTransposed(a, transpose(b))).toEqual(times(a, b))
})

it("computes the covariance of columns", () => {
  const a = matrix(4, 1, Float64Array.of(1, 2, 3, 4))
  expect([...covariance(a, matrix(4, 2, Float64Array.of(1, 5, 2, 5, 3, 5, 4, 5))).data]).toEqual([1.25, 0])
})

/** Rows that are small, nearly parallel and large: in the order of its rows, Cholesky loses ten digits. */
const nearlySingular = ((): Matrix => {
  const rows = matrix(5, 5)
  rows.data.set([6.469863247458368e-8, 0.004113071839733706], 1)
  rows.data[7] = -0.29826048889294665
  rows.data[9] = 4.691624705994086e-11
  rows.data[11] = -3.9999999999999956
  rows.data[19] = -3.999999999999996
  return rows
})()

it("factors and solves, also with zero directions", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }).chain((rank) => fc.tuple(anyMatrix(5, rank), anyMatrix(5, 2))),
      ([root, x]) => {
        // Matrices of any rank up to 5, which often have no inverse.
        const a = timesTransposed(root, root)
        const { root: factor } = cholesky(a)
        const scale = Math.max(1, ...a.data)
        expectNear(timesTransposed(factor, factor), a, scale * 1e-5)
        const b = times(a, x)
        expectNear(times(a, solveSymmetric(a, b)), b, scale * scale * 1e-4)
      },
    ),
    {
      numRuns: 50,
      examples: [[[matrix(5, 1, new Float64Array(5)), matrix(5, 2)]], [[nearlySingular, matrix(5, 2)]]],
    },
  )
})

it("finds eigenvalues, largest first, and their vectors", () => {
  fc.assert(
    fc.property(anyMatrix(6, 6), (root) => {
      const a = timesTransposed(root, root)
      const { values, vectors } = symmetricEigen(a)
      expect([...values]).toEqual([...values].sort((x, y) => y - x))
      const scaled = matrix(
        6,
        6,
        vectors.data.map((value, i) => value * (values[i % 6] as number)),
      )
      expectNear(timesTransposed(scaled, vectors), a, 1e-9 * Math.max(1, values[0] as number))
      const identity = matrix(
        6,
        6,
        Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1 : 0)),
      )
      expectNear(timesTransposed(transpose(vectors), transpose(vectors)), identity, 1e-12)
    }),
    { numRuns: 50 },
  )
})
