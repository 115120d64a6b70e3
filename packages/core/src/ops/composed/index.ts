import { checkChoice, checkOptions, type OptionKinds } from "../../argument.ts"
import { checkedVerbs } from "../checked-verbs.ts"
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

/** The difference between tfjs backends for these ops. */
export interface ComposedOptions {
  /**
   * How matrices are multiplied in batches. `batched` gives the whole batch to tfjs. `looped` multiplies one pair at a
   * time. This is many times faster on WASM, where only single products use the fast path.
   */
  readonly products?: "batched" | "looped"
}

const OPTIONS: OptionKinds<ComposedOptions> = { products: "text" }

/**
 * Every verb from plain tfjs ops, with weights as float32 tensors. It runs on any backend of tfjs. Every other
 * implementation is tested against it. No product here lets tfjs transpose an operand, because on WASM that costs ten
 * times the product. Operands are permuted before.
 */
export function createComposedOps(options: ComposedOptions = {}): Ops {
  checkOptions("composed ops", options, OPTIONS)
  checkChoice("composed ops", "way of products", options.products, ["batched", "looped"])
  const product: BatchedProduct = options.products === "looped" ? loopedProduct : batchedProduct
  return checkedVerbs({
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
  })
}
