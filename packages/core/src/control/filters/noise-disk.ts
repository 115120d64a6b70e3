import type { NumpyRandom } from "../../random/numpy.ts"
import { cubicTaps } from "./kernel-taps.ts"

/**
 * Smooth noise from 0 to 1. [height, width]
 *
 * Source: `make_noise_disk` of ControlNet's annotators: uniform noise on a coarse grid, enlarged by OpenCV's
 * `INTER_CUBIC` in float64.
 *
 * @param grain pixels between two values of the coarse grid
 */
export function noiseDisk(random: NumpyRandom, height: number, width: number, grain: number): Float64Array {
  const [rows, columns] = [Math.floor(height / grain) + 2, Math.floor(width / grain) + 2]
  const coarse = Float64Array.from({ length: rows * columns }, () => random.double())
  const across = cubicTaps(columns, width + 2 * grain, "single")
  const down = cubicTaps(rows, height + 2 * grain, "single")
  const clamp = (i: number, count: number): number => Math.min(Math.max(i, 0), count - 1)
  const lines = Float64Array.from({ length: rows * width }, (_, i) => {
    const [row, x] = [Math.floor(i / width), (i % width) + grain]
    return weigh(across.weights, x, (tap) => coarse[row * columns + clamp((across.first[x] as number) + tap, columns)])
  })
  const noise = Float64Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width) + grain, i % width]
    return weigh(down.weights, y, (tap) => lines[clamp((down.first[y] as number) + tap, rows) * width + x])
  })
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of noise) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  // A picture of one pixel has no range.
  const range = most - least || 1
  return noise.map((value) => (value - least) / range)
}

function weigh(weights: Float64Array, place: number, value: (tap: number) => number | undefined): number {
  let sum = 0
  for (let tap = 0; tap < 4; tap++) sum += (weights[4 * place + tap] as number) * (value(tap) as number)
  return sum
}
