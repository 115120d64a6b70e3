/** The default of `CoarserGrids.discount`. */
const DISCOUNT = 0.3

/** The sizes of rows of latents. */
export interface RowGrid {
  readonly rows: number
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** The random numbers of a batch, by what they are for. */
export interface NoiseDraws {
  /** Standard normal numbers, [rows, height, width, channels]. */
  normal(purpose: string, grid: RowGrid): Float32Array
  /** A number in [0, 1), the same for all rows. */
  uniform(purpose: string): number
}

/** Noise of coarser grids (multi-resolution or pyramid noise). */
export interface CoarserGrids {
  /** The most grids. */
  readonly iterations: number
  /** The factor from one grid to the next. Default: 0.3. */
  readonly discount?: number
}

/**
 * Adds noise of coarser grids, and divides all by the standard deviation of all rows. noise: [rows, height, width,
 * channels], which is changed
 *
 * Source: sd-scripts `custom_train_functions.pyramid_noise_like`.
 */
export function addCoarserGrids(
  noise: Float32Array,
  { iterations, discount = DISCOUNT }: CoarserGrids,
  grid: RowGrid,
  draws: NoiseDraws,
): void {
  for (let i = 0; i < iterations; i++) {
    const ratio = (2 + 2 * draws.uniform(`multires ratio ${i}`)) ** i
    const height = Math.max(1, Math.floor(grid.height / ratio))
    const width = Math.max(1, Math.floor(grid.width / ratio))
    const coarse = { ...grid, height, width }
    addStretched(noise, grid, draws.normal(`multires noise ${i}`, coarse), coarse, discount ** i)
    if (height === 1 || width === 1) break
  }
  const deviation = standardDeviation(noise)
  for (let i = 0; i < noise.length; i++) noise[i] = (noise[i] as number) / deviation
}

/** Adds a coarse grid, stretched by bilinear interpolation between the centres of its places. */
function addStretched(into: Float32Array, grid: RowGrid, values: Float32Array, coarse: RowGrid, factor: number): void {
  const { rows, height, width, channels } = grid
  const [ys, xs] = [stretched(coarse.height, height), stretched(coarse.width, width)]
  let i = 0
  for (let row = 0; row < rows; row++) {
    for (let y = 0; y < height; y++) {
      const [top, bottom, down] = ys[y] as Between
      for (let x = 0; x < width; x++) {
        const [left, right, across] = xs[x] as Between
        const at = (line: number, column: number): number =>
          ((row * coarse.height + line) * coarse.width + column) * channels
        const [topLeft, topRight] = [at(top, left), at(top, right)]
        const [bottomLeft, bottomRight] = [at(bottom, left), at(bottom, right)]
        for (let channel = 0; channel < channels; channel++, i++) {
          const above = mix(values[topLeft + channel] as number, values[topRight + channel] as number, across)
          const below = mix(values[bottomLeft + channel] as number, values[bottomRight + channel] as number, across)
          into[i] = (into[i] as number) + factor * mix(above, below, down)
        }
      }
    }
  }
}

type Between = readonly [before: number, after: number, share: number]

/** For each place of the longer list, the two places of the shorter one that it is between. */
function stretched(from: number, to: number): readonly Between[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const before = Math.floor(place)
    return [before, Math.min(before + 1, from - 1), place - before]
  })
}

function mix(a: number, b: number, share: number): number {
  return a + share * (b - a)
}

/** The deviation with one degree of freedom less, as `torch.std` has it. */
function standardDeviation(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return Math.sqrt(squares / (values.length - 1))
}
