import type { Matrix } from "./matrix.ts"
import { columnMeans, covariance, matrix, pickColumns, solveSymmetric, times, transpose } from "./matrix.ts"

/** A choice of a hidden layer's neurons, and the map from them to the next layer's old inputs. */
export interface NeuronChoice {
  /** Indices of the neurons that stay, ascending. */
  readonly chosen: readonly number[]
  /** target ≈ chosen activations · map + offset. map: [chosen, targets] */
  readonly map: Matrix
  readonly offset: Float64Array
}

/**
 * Chooses the neurons that predict targets best, one after another (orthogonal matching pursuit), and fits the map by
 * least squares. An SVD would change the basis of a ReLU layer, and so the function of the ReLU. A part of the layer's
 * neurons can predict the others instead.
 *
 * @param candidates activations of the neurons to choose from, a row for each sample: [n, candidates]
 * @param targets values to predict: [n, targets]
 * @param importance weights of the targets' errors, symmetric without negative eigenvalues: [targets, targets]
 */
export function chooseNeurons(candidates: Matrix, targets: Matrix, importance: Matrix, count: number): NeuronChoice {
  const gram = covariance(candidates, candidates)
  const cross = covariance(targets, candidates)
  const chosen = [...pursue(gram, cross, importance, Math.min(count, candidates.cols))].sort((a, b) => a - b)

  const among = transpose(pickColumns(transpose(pickColumns(gram, chosen)), chosen))
  const map = solveSymmetric(among, transpose(pickColumns(cross, chosen)))
  const means = columnMeans(candidates)
  const ownMeans = matrix(
    1,
    chosen.length,
    Float64Array.from(chosen, (i) => means[i] as number),
  )
  const predicted = times(ownMeans, map).data
  const offset = columnMeans(targets).map((mean, i) => mean - (predicted[i] as number))
  return { chosen, map, offset }
}

function* pursue(gram: Matrix, cross: Matrix, importance: Matrix, count: number): Generator<number> {
  const n = gram.cols
  const targets = cross.rows
  // The residuals after the chosen neurons: of the candidates, of the targets, and of the targets with weights.
  const left = gram.data.slice()
  const leftCross = cross.data.slice()
  const weighed = times(importance, cross).data
  const scale = Math.max(...Array.from({ length: n }, (_, j) => left[j * n + j] as number))
  const taken = new Set<number>()
  while (taken.size < count) {
    let best = -1
    let bestGain = -1
    for (let j = 0; j < n; j++) {
      if (taken.has(j)) continue
      const variance = left[j * n + j] as number
      let gain = 0
      for (let i = 0; i < targets; i++) gain += (leftCross[i * n + j] as number) * (weighed[i * n + j] as number)
      // A neuron that adds nothing to the chosen ones is chosen only if no other is left.
      gain = variance <= scale * 1e-12 ? 0 : gain / variance
      if (best < 0 || gain > bestGain) [best, bestGain] = [j, gain]
    }
    taken.add(best)
    yield best
    const variance = left[best * n + best] as number
    if (variance <= scale * 1e-12) continue
    const row = Float64Array.from({ length: n }, (_, j) => (left[best * n + j] as number) / variance)
    for (const [data, rows] of [
      [leftCross, targets],
      [weighed, targets],
      [left, n],
    ] as const) {
      for (let i = 0; i < rows; i++) {
        const factor = data[i * n + best] as number
        for (let j = 0; j < n; j++) data[i * n + j] = (data[i * n + j] as number) - factor * (row[j] as number)
      }
    }
  }
}
