import { checkOptions, type OptionKinds } from "../argument.ts"
import { addCoarserGrids, type CoarserGrids, type NoiseDraws, type RowGrid } from "../diffusion/coarser-grids.ts"
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
  readonly multires?: CoarserGrids
  /**
   * The size of more noise in the network's input, which is not in the target (input perturbation, Ning et al. 2023,
   * arXiv:2301.11706). 0.1 is usual. Default: 0.
   */
  readonly inputPerturbation?: number
  /** The perturbation is drawn for each step, from 0 to `inputPerturbation`. */
  readonly randomInputPerturbation?: boolean
}

/** The noise of a batch, both [rows, height, width, channels]. */
export interface BatchNoise {
  /** The noise that the target is made of. */
  readonly noise: Float32Array
  /** The noise in the network's input. */
  readonly input: Float32Array
}

const KINDS: OptionKinds<NoiseOptions> = {
  offset: "a number",
  randomOffset: "true or false",
  adaptiveOffset: "a number",
  multires: "an object",
  inputPerturbation: "a number",
  randomInputPerturbation: "true or false",
}

const MULTIRES_KINDS: OptionKinds<CoarserGrids> = { iterations: "a number", discount: "a number" }

/** Checks options of noise. @throws CoreError for a number out of its range, or one that needs another option */
export function checkNoise(options: NoiseOptions = {}): void {
  checkOptions("objective.noise", options, KINDS)
  const { multires, ...numbers } = options
  checkOptions("objective.noise.multires", multires ?? {}, MULTIRES_KINDS)
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
