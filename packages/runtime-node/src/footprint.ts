import { COMPOSED_FOOTPRINT, type Footprint } from "@lllite/core/memory"
import { createComposedOps } from "@lllite/core/ops"
import type { NodeBackend, Precision, WeightDtype } from "./backends/names.ts"
import { attention } from "./tensorflow/ops/attention.ts"
import { geglu } from "./tensorflow/ops/geglu.ts"
import { groupNorm, layerNorm } from "./tensorflow/ops/norm.ts"

/** The backend that holds a model, and the format of its weights. */
export interface ModelPlace {
  readonly backend: NodeBackend
  readonly weights: WeightDtype
  /** Default: F32 */
  readonly precision?: Precision
  /** Bytes of the largest tensor that the device takes. Left out where the device does not say. */
  readonly maxTensorBytes?: number
}

/** How a backend's ops use memory. */
export function footprintOf({ backend, weights, precision, maxTensorBytes }: ModelPlace): Footprint {
  const limit = maxTensorBytes === undefined ? {} : { maxTensorBytes }
  switch (backend) {
    case "webgpu":
      return {
        ...limit,
        ...{ pooled: true, stacks: true, halves: precision === "F16" },
        weightBytes: (dtype) => heldBytes(dtype, weights),
      }
    case "wasm":
      return { weightBytes: () => 4, backwardCopies: true, filterTiles: true }
    case "cpu":
      return COMPOSED_FOOTPRINT
    case "tensorflow": {
      const composed = createComposedOps()
      return {
        weightBytes: (dtype) => heldBytes(dtype, weights),
        apartBias: true,
        // These are made of plain ops of TensorFlow.js, like the composed ones.
        adjust: ({ load, linear, conv2d, dense, lookUp }) => ({
          ...composed,
          ...{ load, linear, conv2d, dense, lookUp },
          ...{ attention, geglu, groupNorm, layerNorm },
        }),
      }
    }
  }
}

/** Bytes of one value of a weight, where 16-bit types of a file can be held and float32 can be rounded. */
function heldBytes(dtype: string, weights: WeightDtype): 2 | 4 {
  if (weights === "F32") return 4
  return dtype === "F16" || dtype === "BF16" || weights !== "file" ? 2 : 4
}
