import { describe, expect, it } from "vitest"
import { chooseNeurons } from "./choose-neurons.ts"
import { covariance, type Matrix, matrix, pickColumns, solveSymmetric, times, transpose } from "./matrix.ts"
import { createRandom } from "./sample-inputs.ts"

/** Values of ReLU neurons. */
function activations(rows: number, cols: number, seed: number): Matrix {
  const random = createRandom(seed)
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => Math.max(0, 2 * random() - 0.7)),
  )
}

const identity = (n: number): Matrix =>
  matrix(
    n,
    n,
    Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
  )

/** The weighted variance of targets that the chosen candidates leave, by least squares with an offset. */
function residual(candidates: Matrix, targets: Matrix, chosen: readonly number[], weights: readonly number[]): number {
  const own = pickColumns(candidates, chosen)
  const cross = covariance(own, targets)
  const explained = times(transpose(cross), solveSymmetric(covariance(own, own), cross))
  const whole = covariance(targets, targets)
  const at = (m: Matrix, i: number): number => m.data[i * m.cols + i] ?? Number.NaN
  return weights.reduce((sum, weight, i) => sum + weight * (at(whole, i) - at(explained, i)), 0)
}

describe("a choice of neurons", () => {
  it("finds those that targets are made of, with the map and the offset", () => {
    const candidates = activations(60, 6, 1)
    const [a, b] = [1, 4]
    const at = (row: number, column: number): number => candidates.data[row * 6 + column] ?? Number.NaN
    const targets = matrix(
      60,
      3,
      Float64Array.from({ length: 180 }, (_, i) => {
        const [row, target] = [Math.floor(i / 3), i % 3]
        return [2 * at(row, a) + 5, -at(row, b) + 0.5 * at(row, a), 3 * at(row, b) - 1][target] ?? Number.NaN
      }),
    )
    const { chosen, map, offset } = chooseNeurons(candidates, targets, identity(3), 2)
    expect(chosen).toEqual([a, b])
    expect([map.rows, map.cols]).toEqual([2, 3])
    for (const [i, value] of [2, 0.5, 0, 0, -1, 3].entries()) expect(map.data[i]).toBeCloseTo(value, 9)
    for (const [i, value] of [5, 0, -1].entries()) expect(offset[i]).toBeCloseTo(value, 9)
  })

  it("takes at each step the neuron that leaves least of the targets, by their weights", () => {
    for (let seed = 1; seed <= 6; seed++) {
      const [candidates, targets] = [activations(50, 5, seed), activations(50, 3, seed + 20)]
      const weights = [1, 0.2 + seed, 3 / seed]
      const importance = matrix(
        3,
        3,
        Float64Array.from([weights[0], 0, 0, 0, weights[1], 0, 0, 0, weights[2]] as number[]),
      )
      let taken: number[] = []
      for (let count = 1; count <= 4; count++) {
        const left = (j: number): number => residual(candidates, targets, [...taken, j], weights)
        const open = [0, 1, 2, 3, 4].filter((j) => !taken.includes(j))
        taken = [...taken, open.reduce((best, j) => (left(j) < left(best) ? j : best))]
        expect(chooseNeurons(candidates, targets, importance, count).chosen).toEqual([...taken].sort((x, y) => x - y))
      }
    }
  })

  it("weighs the errors of targets together where these are weighed together", () => {
    // The sum of both targets is the first neuron, their difference the second one, which varies more.
    const candidates = matrix(
      40,
      2,
      activations(40, 2, 3).data.map((value, i) => (i % 2 === 1 ? 4 * value : value)),
    )
    const at = (row: number, column: number): number => candidates.data[row * 2 + column] ?? Number.NaN
    const targets = matrix(
      40,
      2,
      Float64Array.from({ length: 80 }, (_, i) => {
        const row = Math.floor(i / 2)
        return (at(row, 0) + (i % 2 === 0 ? 1 : -1) * at(row, 1)) / 2
      }),
    )
    expect(chooseNeurons(candidates, targets, identity(2), 1).chosen).toEqual([1])
    expect(chooseNeurons(candidates, targets, matrix(2, 2, Float64Array.of(1, 1, 1, 1)), 1).chosen).toEqual([0])
  })

  it("takes neurons that never change last, and as many as there are", () => {
    const candidates = activations(30, 4, 8)
    for (let row = 0; row < 30; row++) {
      candidates.data[row * 4] = 2
      // The last one is a copy.
      candidates.data[row * 4 + 3] = candidates.data[row * 4 + 1] ?? 0
    }
    const targets = activations(30, 2, 9)
    expect(chooseNeurons(candidates, targets, identity(2), 2).chosen).toEqual([1, 2])
    expect(chooseNeurons(candidates, targets, identity(2), 3).chosen).toEqual([0, 1, 2])
    const all = chooseNeurons(candidates, targets, identity(2), 9)
    expect(all.chosen).toEqual([0, 1, 2, 3])
    expect([...all.map.data, ...all.offset].every(Number.isFinite)).toBe(true)
  })
})
