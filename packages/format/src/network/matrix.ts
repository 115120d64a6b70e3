/** A matrix in float64, row-major. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  readonly data: Float64Array
}

export function matrix(rows: number, cols: number, data: Float64Array = new Float64Array(rows * cols)): Matrix {
  return { rows, cols, data }
}

/** a [n, k] times the transpose of b [m, k]: [n, m]. Both are read along their rows. */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const { cols: inner } = a
  const product = matrix(a.rows, b.rows)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0
      for (let k = 0; k < inner; k++) sum += (a.data[i * inner + k] as number) * (b.data[j * inner + k] as number)
      product.data[i * b.rows + j] = sum
    }
  }
  return product
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

/**
 * The lower triangular L with L Lᵀ = a, for symmetric a without negative eigenvalues. Directions in which `a` is zero
 * are zero in L.
 */
export function cholesky(a: Matrix): Matrix {
  const n = a.rows
  const lower = matrix(n, n)
  let largest = 0
  for (let i = 0; i < n; i++) largest = Math.max(largest, a.data[i * n + i] as number)
  const least = largest * n * Number.EPSILON * 8
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a.data[i * n + j] as number
      for (let k = 0; k < j; k++) sum -= (lower.data[i * n + k] as number) * (lower.data[j * n + k] as number)
      if (i === j) lower.data[j * n + j] = sum > least ? Math.sqrt(sum) : 0
      else {
        const pivot = lower.data[j * n + j] as number
        lower.data[i * n + j] = pivot === 0 ? 0 : sum / pivot
      }
    }
  }
  return lower
}

/** The x of least norm-like size with a x = b, by Cholesky: a [n, n] symmetric without negative eigenvalues, b [n, m]. */
export function solveSymmetric(a: Matrix, b: Matrix): Matrix {
  const n = a.rows
  const { cols } = b
  const lower = cholesky(a).data
  const x = matrix(n, cols, b.data.slice())
  const divide = (row: number, column: number, sum: number): void => {
    const pivot = lower[row * n + row] as number
    x.data[row * cols + column] = pivot === 0 ? 0 : sum / pivot
  }
  for (let column = 0; column < cols; column++) {
    for (let i = 0; i < n; i++) {
      let sum = x.data[i * cols + column] as number
      for (let k = 0; k < i; k++) sum -= (lower[i * n + k] as number) * (x.data[k * cols + column] as number)
      divide(i, column, sum)
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x.data[i * cols + column] as number
      for (let k = i + 1; k < n; k++) sum -= (lower[k * n + i] as number) * (x.data[k * cols + column] as number)
      divide(i, column, sum)
    }
  }
  return x
}

/** Eigenvalues of a symmetric matrix, largest first, and their vectors as columns, by cyclic Jacobi rotations. */
export function symmetricEigen(a: Matrix): { readonly values: Float64Array; readonly vectors: Matrix } {
  const n = a.rows
  const m = a.data.slice()
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
        for (let k = 0; k < n; k++) rotate(v, k * n + p, k * n + q, c, s)
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => at(j, j) - at(i, i))
  return { values: Float64Array.from(order, (i) => at(i, i)), vectors: pickColumns(matrix(n, n, v), order) }
}

function rotate(data: Float64Array, p: number, q: number, c: number, s: number): void {
  const x = data[p] as number
  const y = data[q] as number
  data[p] = c * x - s * y
  data[q] = s * x + c * y
}
