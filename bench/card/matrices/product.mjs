import { tiledSum, tileSides } from "./tiled-sum.mjs"

/** Every row of x sees itself, once. */
const ROWS = {
  params: [],
  row: () => "",
  tap: (i) => `      seen${i} = row${i} < p.rows && tap < p.taps;
      from${i} = row${i} * p.channels;`,
}

/**
 * y[m, n] = Σ x[m, k] · w[n, k] + bias[n], as a linear layer has it. See `tiledSum` for the options and types.
 * `plan` returns the arguments of a dispatch.
 */
export function productKernel(options) {
  const kernel = tiledSum(options, ROWS)
  const [rows, columns] = tileSides(options.config, options.tile)
  return {
    ...kernel,
    plan: ({ m, n, k }) => ({
      params: [m, n, k, 1, Math.ceil(k / kernel.step)],
      groups: [Math.ceil(n / columns), Math.ceil(m / rows)],
    }),
  }
}
