/** A matrix in float64, row-major. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  readonly data: Float64Array
}

export function matrix(rows: number, cols: number, data: Float64Array = new Float64Array(rows * cols)): Matrix {
  return { rows, cols, data }
}

/**
 * a [n, k] times the transpose of b [m, k]: [n, m]. Both are read along their rows. Eight sums advance side by side,
 * because one alone waits for each of its additions.
 */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const { cols: inner } = a
  const product = matrix(a.rows, b.rows)
  const { data } = product
  // Beyond the last row, that row's sums are computed again.
  const last = b.rows - 1
  for (let i = 0; i < a.rows; i += 2) {
    const next = Math.min(i + 1, a.rows - 1)
    const a0 = rowOf(a, i)
    const a1 = rowOf(a, next)
    for (let j = 0; j < b.rows; j += 4) {
      const j1 = Math.min(j + 1, last)
      const j2 = Math.min(j + 2, last)
      const j3 = Math.min(j + 3, last)
      const b0 = rowOf(b, j)
      const b1 = rowOf(b, j1)
      const b2 = rowOf(b, j2)
      const b3 = rowOf(b, j3)
      let s0 = 0
      let s1 = 0
      let s2 = 0
      let s3 = 0
      let t0 = 0
      let t1 = 0
      let t2 = 0
      let t3 = 0
      for (let k = 0; k < inner; k++) {
        const x = a0[k] as number
        const y = a1[k] as number
        const w0 = b0[k] as number
        const w1 = b1[k] as number
        const w2 = b2[k] as number
        const w3 = b3[k] as number
        s0 += x * w0
        s1 += x * w1
        s2 += x * w2
        s3 += x * w3
        t0 += y * w0
        t1 += y * w1
        t2 += y * w2
        t3 += y * w3
      }
      const upper = i * b.rows
      const lower = next * b.rows
      data[upper + j] = s0
      data[upper + j1] = s1
      data[upper + j2] = s2
      data[upper + j3] = s3
      data[lower + j] = t0
      data[lower + j1] = t1
      data[lower + j2] = t2
      data[lower + j3] = t3
    }
  }
  return product
}

function rowOf(a: Matrix, row: number): Float64Array {
  return a.data.subarray(row * a.cols, (row + 1) * a.cols)
}

export function transpose(a: Matrix): Matrix {
  const result = matrix(a.cols, a.rows)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++) result.data[j * a.rows + i] = a.data[i * a.cols + j] as number
  }
  return result
}

/** a [n, k] times b [k, m]: [n, m]. */
export function times(a: Matrix, b: Matrix): Matrix {
  return timesTransposed(a, transpose(b))
}

/** Some columns of a matrix, in the order of `columns`. */
export function pickColumns(a: Matrix, columns: readonly number[]): Matrix {
  const picked = matrix(a.rows, columns.length)
  for (let i = 0; i < a.rows; i++) {
    for (const [j, column] of columns.entries()) {
      picked.data[i * columns.length + j] = a.data[i * a.cols + column] as number
    }
  }
  return picked
}

/** The mean of each column. */
export function columnMeans(a: Matrix): Float64Array {
  const means = new Float64Array(a.cols)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++) means[j] = (means[j] as number) + (a.data[i * a.cols + j] as number) / a.rows
  }
  return means
}

/** A matrix minus the mean of each column. */
export function centred(a: Matrix): Matrix {
  const means = columnMeans(a)
  return matrix(
    a.rows,
    a.cols,
    a.data.map((value, i) => value - (means[i % a.cols] as number)),
  )
}

/** The covariance of the columns of a with those of b: [a.cols, b.cols]. Both have the same number of rows. */
export function covariance(a: Matrix, b: Matrix): Matrix {
  const product = timesTransposed(transpose(centred(a)), transpose(centred(b)))
  return matrix(
    product.rows,
    product.cols,
    product.data.map((value) => value / a.rows),
  )
}

/** A square root of a symmetric matrix, see {@link cholesky}. */
interface Factor {
  /** [n, n] with root rootᵀ = a. Column j is zero in the rows of `order` before j. */
  readonly root: Matrix
  /** The row that each step took as its pivot. It is shorter than n where `a` has directions that are zero. */
  readonly order: readonly number[]
}

/**
 * The square root of a symmetric `a` without negative eigenvalues, by Cholesky with the largest pivot first. Without
 * that order, an `a` that is nearly singular loses all but a few digits (Higham, Analysis of the Cholesky decomposition
 * of a semi-definite matrix, 1990).
 */
export function cholesky(a: Matrix): Factor {
  const n = a.rows
  const rest = a.data.slice()
  const root = matrix(n, n)
  const left = new Set(Array.from({ length: n }, (_, row) => row))
  const order: number[] = []
  const diagonal = (row: number): number => rest[row * n + row] as number
  let least = 0
  while (left.size > 0) {
    const pivot = [...left].reduce((best, row) => (diagonal(row) > diagonal(best) ? row : best))
    const j = order.length
    if (j === 0) least = diagonal(pivot) * n * Number.EPSILON * 8
    if (diagonal(pivot) <= least) break
    const scale = Math.sqrt(diagonal(pivot))
    for (const row of left) root.data[row * n + j] = row === pivot ? scale : (rest[row * n + pivot] as number) / scale
    left.delete(pivot)
    order.push(pivot)
    for (const row of left) {
      const factor = root.data[row * n + j] as number
      for (const column of left) (rest[row * n + column] as number) -= factor * (root.data[column * n + j] as number)
    }
  }
  return { root, order }
}

/** An x with a x = b, zero in the rows that `a` does not need: a [n, n] as {@link cholesky} wants it, b [n, m]. */
export function solveSymmetric(a: Matrix, b: Matrix): Matrix {
  const n = a.rows
  const { cols } = b
  const { root, order } = cholesky(a)
  const x = matrix(n, cols)
  const at = (row: number, column: number): number => root.data[row * n + column] as number
  for (let column = 0; column < cols; column++) {
    const value = order.map((row) => b.data[row * cols + column] as number)
    order.forEach((row, i) => {
      for (let k = 0; k < i; k++) (value[i] as number) -= at(row, k) * (value[k] as number)
      ;(value[i] as number) /= at(row, i)
    })
    for (let i = order.length - 1; i >= 0; i--) {
      for (let k = i + 1; k < order.length; k++)
        (value[i] as number) -= at(order[k] as number, i) * (value[k] as number)
      ;(value[i] as number) /= at(order[i] as number, i)
      x.data[(order[i] as number) * cols + column] = value[i] as number
    }
  }
  return x
}

/** Eigenvalues of a symmetric matrix, largest first, and their vectors as columns, by cyclic Jacobi rotations. */
export function symmetricEigen(a: Matrix): { readonly values: Float64Array; readonly vectors: Matrix } {
  const n = a.rows
  const m = a.data.slice()
  // Vectors are rows here, which lie together in memory.
  const v = new Float64Array(n * n)
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  const at = (i: number, j: number): number => m[i * n + j] as number
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    let diagonal = 0
    for (let i = 0; i < n; i++) {
      diagonal += at(i, i) ** 2
      for (let j = 0; j < i; j++) off += at(i, j) ** 2
    }
    if (off <= diagonal * Number.EPSILON ** 2) break
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const pq = at(p, q)
        if (pq === 0) continue
        const theta = (at(q, q) - at(p, p)) / (2 * pq)
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const c = 1 / Math.sqrt(t * t + 1)
        const s = t * c
        for (let k = 0; k < n; k++) rotate(m, k * n + p, k * n + q, c, s)
        for (let k = 0; k < n; k++) rotate(m, p * n + k, q * n + k, c, s)
        for (let k = 0; k < n; k++) rotate(v, p * n + k, q * n + k, c, s)
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => at(j, j) - at(i, i))
  return { values: Float64Array.from(order, (i) => at(i, i)), vectors: pickColumns(transpose(matrix(n, n, v)), order) }
}

function rotate(data: Float64Array, p: number, q: number, c: number, s: number): void {
  const x = data[p] as number
  const y = data[q] as number
  data[p] = c * x - s * y
  data[q] = s * x + c * y
}
