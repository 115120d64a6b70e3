import * as tf from "@tensorflow/tfjs-core"
import { createComposedOps } from "../ops/composed/index.ts"
import type { Footprint } from "./plan.ts"

/** How ops that are composed of TensorFlow.js' own take memory. */
export const COMPOSED_FOOTPRINT: Footprint = {
  weightBytes: () => 4,
  backwardCopies: true,
  // Products with weights are outlines, because there are no values to lay out.
  adjust: ({ load, linear, conv2d, dense, lookUp, trim }) => ({
    ...createComposedOps(),
    ...{ load, linear, dense, lookUp },
    ...(trim === undefined ? {} : { trim }),
    conv2d(x, weight, options) {
      const [top, bottom, left, right] = options.padding
      const [, , kernelHeight = 1, kernelWidth = 1] = weight.shape
      const isSame = [top, bottom].every((side) => 2 * side === kernelHeight - 1) && left === right
      if (options.stride === 1 && isSame && 2 * left === kernelWidth - 1) return conv2d(x, weight, options)
      // Other padding is put around a copy.
      const zeros: [number, number][] = [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]
      return conv2d(tf.pad(x, zeros), weight, { ...options, padding: [0, 0, 0, 0] })
    },
  }),
}
