import type { Ops } from "@lllite/core/ops"
import { createActivations } from "./activation.ts"
import { createAttention } from "./attention/attention.ts"
import { createSelfAttention } from "./attention/self-attention.ts"
import { WebgpuOpsError } from "./errors.ts"
import { openGpu } from "./gpu.ts"
import { createAdapt } from "./lllite/adapt.ts"
import { createAdaptGroup } from "./lllite/adapt-group.ts"
import { createGroupNorm } from "./norm/group-norm.ts"
import { createLayerNorm } from "./norm/layer-norm.ts"
import { createConv2d } from "./product/conv2d.ts"
import { createDense, createDenseStack } from "./product/dense.ts"
import { createLinearEach } from "./product/each.ts"
import { createLinearGeglu } from "./product/gated.ts"
import { createLinear } from "./product/linear.ts"
import { expectTiles, type ProductTiles } from "./product/tiles.ts"
import { createLoader } from "./weights/load.ts"
import { WEIGHT_FORMATS, type WeightFormat } from "./weights/storage.ts"

export interface WebgpuOpsOptions {
  /**
   * The format of frozen weights of linear layers and convolutions on the device. `file` keeps float32, float16 and
   * bfloat16 as the file has them, and stores all other dtypes as float32. Default: `file`.
   */
  readonly weights?: WeightFormat | "file"
  /**
   * Tiles of products, from `tuneProducts` on the same kind of device. Default: tiles that are fast on most devices.
   */
  readonly tiles?: ProductTiles
}

/**
 * Ops on TensorFlow.js' WebGPU backend. They have this package's kernels where a verb has one, and `base` for all other
 * verbs. `base` must run on the same backend. Load weights with the result's loader.
 *
 * `startWebgpu` must have started the backend. The backend must be in use now and whenever an op runs.
 *
 * @throws WebgpuOpsError for another backend, for an unknown format, or for tiles that are not of this release
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
  const linear = createLinear(gpu)
  const attention = createAttention(gpu)
  const activations = createActivations(gpu)
  return {
    ...base,
    maxTensorBytes: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
    trim: () => gpu.trim(),
    load: { ...base.load, ...createLoader(gpu, weights) },
    ...activations,
    ...linear,
    linearEach: createLinearEach(gpu, linear),
    linearGeglu: createLinearGeglu(gpu, { ...linear, ...activations }),
    ...createConv2d(gpu),
    attention,
    selfAttention: createSelfAttention(gpu, { ...linear, attention }),
    dense,
    denseStack: createDenseStack(gpu),
    adapt: createAdapt(gpu, dense),
    adaptGroup: createAdaptGroup(gpu),
    ...createGroupNorm(gpu),
    ...createLayerNorm(gpu),
  }
}
