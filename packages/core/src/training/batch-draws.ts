import type { NoiseDraws } from "../diffusion/coarser-grids.ts"
import type { GreyImage } from "../image.ts"
import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"
import { drawHole } from "./drawn-hole.ts"

/** The random numbers of some rows of a step. */
export interface BatchDraws extends NoiseDraws {
  /** A timestep for each row, `from` or above and below `to`. */
  timesteps(from: number, to: number): readonly number[]
  /** Numbers in [0, 1) that choose what dropout keeps at a site, [rows, tokens, width]. */
  keeps(site: string, tokens: number, width: number): Float32Array
  /** A hole in the control of each row, see `drawHole`. */
  holes(size: { readonly width: number; readonly height: number }): readonly GreyImage[]
}

/**
 * The draws of a run's streams. What a row gets depends on the seed, the step and the row alone. A number that all rows
 * share depends on the seed and the step. So any worker can compute any part of a batch.
 */
export function streamDraws(seed: Seed, step: number, firstRow: number, count: number): BatchDraws {
  const byRow = (size: number, draw: (index: number) => Float32Array): Float32Array => {
    const values = new Float32Array(count * size)
    for (let row = 0; row < count; row++) values.set(draw(firstRow + row), row * size)
    return values
  }
  return {
    timesteps(from, to) {
      const stream = createStream(seed, "timesteps")
      return Array.from(
        { length: count },
        (_, row) => stream.integers(1, from, to, { step, index: firstRow + row })[0] ?? from,
      )
    },
    normal(purpose, { height, width, channels }) {
      const stream = createStream(seed, purpose)
      const shape = [height, width, channels]
      return byRow(height * width * channels, (index) => stream.normal(shape, { step, index }))
    },
    uniform: (purpose) => createStream(seed, purpose).uniform(1, { step })[0] as number,
    keeps(site, tokens, width) {
      const stream = createStream(seed, `dropout ${site}`)
      return byRow(tokens * width, (index) => stream.uniform([tokens, width], { step, index }))
    },
    holes(size) {
      const stream = createStream(seed, "hole")
      return Array.from({ length: count }, (_, row) => drawHole(size, stream, { step, index: firstRow + row }))
    },
  }
}
