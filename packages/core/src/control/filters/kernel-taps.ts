/** The input positions and the weights of every output position, along one axis. Positions outside repeat the edge. */
export interface KernelTaps {
  /** Weights for each output position. */
  readonly size: number
  /** The first input position of each output position. It may lie outside. */
  readonly first: Int32Array
  /** `size` for each output position. */
  readonly weights: Float64Array
}

type Rounding = (value: number) => number

const { fround } = Math
const exact: Rounding = (value) => value

/** Taps around the centre of each output pixel among the input pixels. */
function taps(
  [from, to]: readonly [from: number, to: number],
  { size, before, round }: { readonly size: number; readonly before: number; readonly round: Rounding },
  weightsAt: (rest: number) => readonly number[],
): KernelTaps {
  const scale = 1 / (to / from)
  const first = new Int32Array(to)
  const weights = new Float64Array(to * size)
  for (let i = 0; i < to; i++) {
    const position = round((i + 0.5) * scale - 0.5)
    const floor = Math.floor(position)
    first[i] = floor - before
    weights.set(weightsAt(round(position - floor)), i * size)
  }
  return { size, first, weights }
}

/** The sharpness that OpenCV gives its cubic kernel. */
const A = -0.75

/**
 * OpenCV's `INTER_CUBIC`.
 *
 * @param precision how positions and weights are rounded: `single` as OpenCV's own code does, `double` as it does with
 * Intel's library, which it uses for bytes
 */
export function cubicTaps(from: number, to: number, precision: "single" | "double"): KernelTaps {
  const round = precision === "single" ? fround : exact
  const outer = (x: number): number => round(round(round(round(round(A * x) - 5 * A) * x) + 8 * A) * x) - 4 * A
  const inner = (x: number): number => round(round(round(round(round((A + 2) * x) - (A + 3)) * x) * x) + 1)
  return taps([from, to], { size: 4, before: 1, round }, (rest) => {
    const [first, second, third] = [round(outer(round(rest + 1))), inner(rest), inner(round(1 - rest))]
    return [first, second, third, round(round(round(1 - first) - second) - third)]
  })
}

/** OpenCV's `INTER_LINEAR`: two taps, which are not widened when a picture shrinks. */
export function linearTaps(from: number, to: number): KernelTaps {
  return taps([from, to], { size: 2, before: 0, round: fround }, (rest) => [fround(1 - rest), rest])
}

/** cos and sin of multiples of 45°, in the order of the taps. */
const S45 = Math.SQRT1_2
const TURNS = [
  [1, 0],
  [-S45, -S45],
  [0, 1],
  [S45, -S45],
  [-1, 0],
  [S45, S45],
  [0, -1],
  [-S45, S45],
] as const

/** OpenCV's `INTER_LANCZOS4`: eight taps, which are not widened when a picture shrinks. */
export function lanczos4Taps(from: number, to: number): KernelTaps {
  return taps([from, to], { size: 8, before: 3, round: fround }, (rest) => {
    const start = -(rest + 3) * Math.PI * 0.25
    const [sine, cosine] = [Math.sin(start), Math.cos(start)]
    let sum = 0
    const weights = TURNS.map(([a, b], i) => {
      const distance = fround(rest + 3 - i)
      const y = -distance * Math.PI * 0.25
      const weight = Math.abs(distance) >= 1e-6 ? fround((a * sine + b * cosine) / (y * y)) : fround(1e30)
      sum = fround(sum + weight)
      return weight
    })
    const scale = fround(1 / sum)
    return weights.map((weight) => fround(weight * scale))
  })
}

/** OpenCV's `INTER_AREA` where a side grows: two taps. */
export function linearAreaTaps(from: number, to: number): KernelTaps {
  const inverse = to / from
  const scale = 1 / inverse
  const first = new Int32Array(to)
  const weights = new Float64Array(2 * to)
  for (let i = 0; i < to; i++) {
    const pixel = Math.floor(i * scale)
    const share = fround(i + 1 - (pixel + 1) * inverse)
    const rest = share <= 0 ? 0 : fround(share - Math.floor(share))
    first[i] = pixel
    weights.set([fround(1 - rest), rest], 2 * i)
  }
  return { size: 2, first, weights }
}
