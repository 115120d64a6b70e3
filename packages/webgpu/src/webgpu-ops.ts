import type { Ops } from "@lllite/core/ops"
import { createActivations } from "./activation.ts"
import { createAttention } from "./attention/attention.ts"
import { WebgpuOpsError } from "./errors.ts"
import { openGpu } from "./gpu.ts"
import { createAdapt } from "./lllite/adapt.ts"
import { createGroupNorm } from "./norm/group-norm.ts"
import { createLayerNorm } from "./norm/layer-norm.ts"
import { createConv2d } from "./product/conv2d.ts"
import { createDense } from "./product/dense.ts"
import { createLinear } from "./product/linear.ts"
import { expectTiles, type ProductTiles } from "./product/tiles.ts"
import { createLoader } from "./weights/load.ts"
import { WEIGHT_FORMATS, type WeightFormat } from "./weights/storage.ts"

export interface WebgpuOpsOptions {
  /**
   * How frozen weights of linear layers and convolutions lie on the device. `file` keeps float32, float16 and bfloat16
   * as the file has them, and anything else as float32. Default: `file`.
   */
  readonly weights?: WeightFormat | "file"
  /** Tiles of products, from `tuneProducts` on such a device. Default: tiles that suit most. */
  readonly tiles?: ProductTiles
}

/**
 * Ops on TensorFlow.js' WebGPU backend: those of `base`, which must run on it, but for the verbs that have kernels
 * here. Load weights with the result's loader.
 *
 * The backend must have been started by `startWebgpu`, and be in use then and whenever an op runs.
 *
 * @throws WebgpuOpsError if it is not, if `weights` names no format, or if `tiles` are none of this release
 */
export function createWebgpuOps(base: Ops, { weights = "file", tiles }: WebgpuOpsOptions = {}): Ops {
  const formats: readonly string[] = ["file", ...WEIGHT_FORMATS]
  if (!formats.includes(weights)) {
    throw new WebgpuOpsError(
      "weight-format",
      `weights: ${JSON.stringify(weights)}, expected one of ${formats.join(", ")}`,
    )
  }
  const gpu = openGpu(tiles && expectTiles(tiles))
  const dense = createDense(gpu)
  return {
    ...base,
    maxTensorBytes: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
    trim: () => gpu.trim(),
    load: { ...base.load, ...createLoader(gpu, weights) },
    ...createActivations(gpu),
    linear: createLinear(gpu),
    conv2d: createConv2d(gpu),
    attention: createAttention(gpu),
    dense,
    adapt: createAdapt(gpu, dense),
    groupNorm: createGroupNorm(gpu),
    layerNorm: createLayerNorm(gpu),
  }
}
