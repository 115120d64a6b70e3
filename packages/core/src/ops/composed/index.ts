import type { Ops } from "../ops.ts"
import { geglu, gelu, quickGelu, relu, silu } from "./activation.ts"
import { createAttention } from "./attention.ts"
import { conv2d } from "./conv2d.ts"
import { dense, linear } from "./linear.ts"
import { groupNorm, layerNorm } from "./norm.ts"
import type { BatchedProduct } from "./products.ts"
import { batchedProduct, loopedProduct } from "./products.ts"
import { upsample2x } from "./upsample.ts"
import { composedLoader, lookUp } from "./weights.ts"

/** What differs between tfjs backends as far as these ops care. */
export interface ComposedOptions {
  /**
   * How matrices are multiplied in batches. `batched` hands the whole batch to tfjs; `looped` multiplies one pair at a
   * time, which is many times faster on WASM, where only single products reach its fast path.
   */
  readonly products?: "batched" | "looped"
}

/**
 * Every verb from plain tfjs ops, weights as float32 tensors: runs on any backend of tfjs, and is what every other
 * implementation is tested against. No product here asks tfjs to transpose an operand: on WASM that costs ten times
 * the product itself, so operands are laid out before.
 */
export function createComposedOps(options: ComposedOptions = {}): Ops {
  const product: BatchedProduct = options.products === "looped" ? loopedProduct : batchedProduct
  return {
    load: composedLoader,
    linear,
    conv2d,
    groupNorm,
    layerNorm,
    lookUp,
    attention: createAttention(product),
    geglu,
    silu,
    gelu,
    quickGelu,
    upsample2x,
    dense,
    relu,
  }
}
