import { COMPOSED_FOOTPRINT, type Footprint } from "@lllite/core/memory"
import { createComposedOps } from "@lllite/core/ops"
import type { NodeBackend, WeightFormat } from "./backends/names.ts"
import { attention } from "./tensorflow/ops/attention.ts"
import { geglu } from "./tensorflow/ops/geglu.ts"
import { groupNorm, layerNorm } from "./tensorflow/ops/norm.ts"

/** Where a model lies, and how. */
export interface ModelPlace {
  readonly backend: NodeBackend
  readonly weights: WeightFormat
  /** Bytes of the largest tensor that the device takes, where it says so. */
  readonly maxTensorBytes?: number
}

/** How a backend's ops take memory. */
export function footprintOf({ backend, weights, maxTensorBytes }: ModelPlace): Footprint {
  const limit = maxTensorBytes === undefined ? {} : { maxTensorBytes }
  switch (backend) {
    case "webgpu":
      return { ...limit, pooled: true, weightBytes: (dtype) => heldBytes(dtype, weights) }
    case "wasm":
      return { weightBytes: () => 4, backwardCopies: true }
    case "cpu":
      return COMPOSED_FOOTPRINT
    case "tensorflow": {
      const composed = createComposedOps()
      return {
        weightBytes: (dtype) => heldBytes(dtype, weights),
        apartBias: true,
        // These are plain ops of TensorFlow.js, as its own are.
        adjust: ({ load, linear, conv2d, dense, lookUp }) => ({
          ...composed,
          ...{ load, linear, conv2d, dense, lookUp },
          ...{ attention, geglu, groupNorm, layerNorm },
        }),
      }
    }
  }
}

/** Bytes of a value of a weight where the file's own type can be held, or rounded. */
function heldBytes(dtype: string, weights: WeightFormat): 2 | 4 {
  return dtype === "F16" || dtype === "BF16" || weights !== "file" ? 2 : 4
}
