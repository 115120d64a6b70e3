import { CONTROL_LATENT_CHANNELS, conditionerKernels } from "@lllite/format"
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import { VAE_FACTOR } from "../vae/config.ts"
import type { ControlPatches, Depth } from "./control-patches.ts"

/** Sides of latents. */
interface Sides {
  readonly height: number
  readonly width: number
}

/** Sides of the first kernel, which reads a latent with its neighbours. */
const WINDOW = conditionerKernels(1, "latent")[0]

/** Values of a patch: the window's latents, row by row. */
const PATCH_LENGTH = WINDOW * WINDOW * CONTROL_LATENT_CHANNELS

/** The error of a control whose latents are missing. */
export function noControlLatents(place: string): CoreError {
  const what = "the LLLite reads its control as latents, and there are none. Let the model's VAE encode the control"
  return new CoreError("control-latents", `${place}: ${what}.`)
}

/**
 * Patches of controls' latents on the device, as `cutControl` makes them of pixels. A patch has a latent and its
 * neighbours, and zeros beyond the edge. The caller disposes the result.
 *
 * @param latents [count, H/8, W/8, 4]
 * @throws CoreError if they are smaller than one token
 */
export function cutLatents(latents: Tensor4D, depth: Depth): ControlPatches {
  const [count, height, width] = latents.shape
  const { grid, places } = latentPlaces({ height, width }, depth)
  const patches = tf.tidy(() => {
    const flat = tf.reshape(latents, [count, -1])
    // The value after the last is what lies beyond the edge.
    const withZero = tf.pad(flat, [
      [0, 0],
      [0, 1],
    ])
    const values = tf.gather(withZero, tf.tensor1d(places, "int32"), 1)
    return tf.reshape(values, [-1, PATCH_LENGTH]) as Tensor2D
  })
  return { count, grid, patches }
}

/** The same patches on the host, of one control. @param latents [H/8, W/8, 4] */
export function cutLatentValues(latents: Float32Array, sides: Sides, depth: Depth): Float32Array {
  const { places } = latentPlaces(sides, depth)
  return Float32Array.from(places, (place) => latents[place] ?? 0)
}

/**
 * The place of each value of the patches in the latents of a control. The order is tokens, then positions of the last
 * kernel, and so on to the window. What lies beyond the edge has the place after the last.
 */
function latentPlaces({ height, width }: Sides, depth: Depth): { readonly grid: Sides; readonly places: Int32Array } {
  const [, ...kernels] = conditionerKernels(depth, "latent")
  const side = kernels.reduce((product, kernel) => product * kernel, 1)
  const grid = { height: Math.floor(height / side), width: Math.floor(width / side) }
  if (grid.height < 1 || grid.width < 1) {
    const pixels = side * VAE_FACTOR
    const came = `${width * VAE_FACTOR}×${height * VAE_FACTOR} px`
    throw new CoreError("control-size", `control image: ${came}, expected at least ${pixels}×${pixels} px`)
  }
  const places = new Int32Array(grid.height * grid.width * side * side * PATCH_LENGTH)
  const beyond = height * width * CONTROL_LATENT_CHANNELS
  const reach = (WINDOW - 1) / 2
  let written = 0
  const window = (top: number, left: number): void => {
    for (let y = top - reach; y <= top + reach; y++) {
      for (let x = left - reach; x <= left + reach; x++) {
        const isInside = y >= 0 && y < height && x >= 0 && x < width
        const from = (y * width + x) * CONTROL_LATENT_CHANNELS
        for (let channel = 0; channel < CONTROL_LATENT_CHANNELS; channel++) {
          places[written++] = isInside ? from + channel : beyond
        }
      }
    }
  }
  const cut = (top: number, left: number, level: number, size: number): void => {
    const kernel = kernels[level]
    if (kernel === undefined) {
      window(top, left)
      return
    }
    const step = size / kernel
    for (let y = 0; y < kernel; y++) {
      for (let x = 0; x < kernel; x++) cut(top + y * step, left + x * step, level - 1, step)
    }
  }
  for (let y = 0; y < grid.height; y++) {
    for (let x = 0; x < grid.width; x++) cut(y * side, x * side, kernels.length - 1, side)
  }
  return { grid, places }
}
