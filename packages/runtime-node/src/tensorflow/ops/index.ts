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
  /** In which products with frozen weights are computed; float32 unless given. */
  readonly compute?: ComputeType
  /** What float32 weights of a file are rounded to; they are held as they are unless given. */
  readonly round?: "F16" | "BF16"
}

/**
 * Ops on TensorFlow, which must be the backend in use: frozen weights are held in 16 bits where the file has them so,
 * and attention never holds the scores of all queries at once.
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
