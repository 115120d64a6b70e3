import type { Ops } from "@lllite/core/ops"
import { createComposedOps } from "@lllite/core/ops"
import { attention } from "./attention.ts"
import { createConv2d } from "./conv2d.ts"
import { openDevice } from "./device.ts"
import { geglu } from "./geglu.ts"
import type { ComputeType } from "./multiply.ts"
import { createMultiply } from "./multiply.ts"
import { groupNorm, layerNorm } from "./norm.ts"
import { createProducts } from "./products.ts"
import { createLoader, lookUp } from "./weights.ts"

export interface TensorflowOpsOptions {
  /** Number type in which products with frozen weights are computed. Default: `F32` */
  readonly compute?: ComputeType
  /** Number type to which float32 weights of a file are rounded. Default: they are not rounded. */
  readonly round?: "F16" | "BF16"
}

/**
 * Ops on TensorFlow, which must be the backend in use. Frozen weights that have 16 bits in the file are held in 16
 * bits. Attention never holds the scores of all queries at once.
 */
export function createTensorflowOps({ compute = "F32", round }: TensorflowOpsOptions = {}): Ops {
  const device = openDevice()
  const multiply = createMultiply(device, compute)
  return {
    ...createComposedOps(),
    load: createLoader(device, round ?? null),
    ...createProducts(multiply),
    conv2d: createConv2d(device, multiply, compute),
    attention,
    geglu,
    groupNorm,
    layerNorm,
    lookUp,
  }
}
