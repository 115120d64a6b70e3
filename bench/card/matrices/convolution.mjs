import { tiledSum, tileSides } from "./tiled-sum.mjs"

/** Every pixel of y sees nine of x, or zeros beyond its border. Nothing is divided within a tap. */
const WINDOWS = {
  params: ["height", "width", "out_height", "out_width", "stride"],
  row: (i) => `  let top${i} = i32(row${i} / p.out_width % p.out_height * p.stride) - 1;
  let left${i} = i32(row${i} % p.out_width * p.stride) - 1;
  let picture${i} = row${i} / (p.out_width * p.out_height) * p.height;`,
  tap: (i) => `      {
        let v = top${i} + i32(tap / 3u);
        let u = left${i} + i32(tap % 3u);
        seen${i} = row${i} < p.rows && tap < p.taps && v >= 0 && v < i32(p.height) && u >= 0 && u < i32(p.width);
        from${i} = ((picture${i} + u32(v)) * p.width + u32(u)) * p.channels;
      }`,
}

/**
 * 3×3 convolution with padding 1. x: [count, height, width, channels] → [count, height', width', columns]; w: [columns,
 * 3, 3, channels]. See `tiledSum` for the options and types. `plan` returns the arguments of a dispatch.
 */
export function convolutionKernel(options) {
  const kernel = tiledSum(options, WINDOWS)
  const [rows, columns] = tileSides(options.config, options.tile)
  return {
    ...kernel,
    plan: ({ count, height, width, channels, out, stride }) => {
      const [outHeight, outWidth] = [height, width].map((side) => Math.floor((side - 1) / stride) + 1)
      const m = count * outHeight * outWidth
      const steps = 9 * Math.ceil(channels / kernel.step)
      return {
        params: [m, out, channels, 9, steps, height, width, outHeight, outWidth, stride],
        groups: [Math.ceil(out / columns), Math.ceil(m / rows)],
      }
    },
  }
}
