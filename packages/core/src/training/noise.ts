import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import { NOISE_RANGES } from "./ranges.ts"

/** What is added to the plain noise of training. */
export interface NoiseOptions {
  /**
   * The size of one more number for each row and channel, which moves the mean. It lets a network learn very dark and
   * very bright pictures. 0.05 is usual. Default: 0.
   */
  readonly offset?: number
  /** The offset is drawn for each step, from 0 to `offset`. */
  readonly randomOffset?: boolean
  /** Added to the offset, times the size of the channel's mean in the latents. It needs `offset`. Default: 0. */
  readonly adaptiveOffset?: number
  /** Noise of coarser grids. */
  readonly multires?: {
    /** The most grids. */
    readonly iterations: number
    /** The factor from one grid to the next. Default: 0.3. */
    readonly discount?: number
  }
  /**
   * The size of more noise in the network's input, which is not in the target (input perturbation, Ning et al. 2023,
   * arXiv:2301.11706). 0.1 is usual. Default: 0.
   */
  readonly inputPerturbation?: number
  /** The perturbation is drawn for each step, from 0 to `inputPerturbation`. */
  readonly randomInputPerturbation?: boolean
}

/** The default of `multires.discount`. */
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

/** The noise of a batch, both [rows, height, width, channels]. */
export interface BatchNoise {
  /** The noise that the target is made of. */
  readonly noise: Float32Array
  /** The noise in the network's input. */
  readonly input: Float32Array
}

/** Checks options of noise. @throws CoreError for a number out of its range, or one that needs another option */
export function checkNoise(options: NoiseOptions = {}): void {
  const { multires, ...numbers } = options
  checkRanges("objective.noise", { ...numbers }, NOISE_RANGES)
  checkRanges("objective.noise.multires", { ...multires }, NOISE_RANGES)
  if ((options.adaptiveOffset ?? 0) !== 0 && (options.offset ?? 0) === 0) {
    throw new CoreError("option-conflict", "objective.noise: adaptiveOffset needs an offset. Give both, or none.")
  }
}

/**
 * Draws the noise of a batch. Offsets come first, then coarser grids. After coarser grids, all is divided by the
 * standard deviation of all rows that are drawn together.
 *
 * Source: sd-scripts `train_util.get_noise_noisy_latents_and_timesteps`, `custom_train_functions.pyramid_noise_like` and
 * `apply_noise_offset`.
 *
 * @param latents [rows, height, width, channels], for `adaptiveOffset`
 */
export function drawNoise(options: NoiseOptions, latents: Float32Array, grid: RowGrid, draws: NoiseDraws): BatchNoise {
  const { offset = 0, multires, inputPerturbation = 0 } = options
  const noise = draws.normal("noise", grid)
  if (offset !== 0) addOffset(noise, options, latents, grid, draws)
  if (multires !== undefined && multires.iterations > 0) addCoarserGrids(noise, multires, grid, draws)
  if (inputPerturbation === 0) return { noise, input: noise }
  const strength =
    options.randomInputPerturbation === true
      ? draws.uniform("perturbation strength") * inputPerturbation
      : inputPerturbation
  const more = draws.normal("perturbation", grid)
  return { noise, input: noise.map((value, i) => value + strength * (more[i] as number)) }
}

function addOffset(
  noise: Float32Array,
  { offset = 0, randomOffset = false, adaptiveOffset = 0 }: NoiseOptions,
  latents: Float32Array,
  grid: RowGrid,
  draws: NoiseDraws,
): void {
  const { rows, height, width, channels } = grid
  const size = height * width
  const base = randomOffset ? draws.uniform("offset strength") * offset : offset
  const shifts = draws.normal("noise offset", { rows, height: 1, width: 1, channels })
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      const first = row * size * channels + channel
      let strength = base
      if (adaptiveOffset !== 0) {
        let sum = 0
        for (let place = 0; place < size; place++) sum += latents[first + place * channels] as number
        strength = Math.max(0, base + adaptiveOffset * Math.abs(sum / size))
      }
      const shift = strength * (shifts[row * channels + channel] as number)
      for (let i = first; i < first + size * channels; i += channels) noise[i] = (noise[i] as number) + shift
    }
  }
}

function addCoarserGrids(
  noise: Float32Array,
  { iterations, discount = DISCOUNT }: NonNullable<NoiseOptions["multires"]>,
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
