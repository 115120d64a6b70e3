import { checkGiven, checkOptions } from "@lllite/core/names"
import { checkedVerbs, type Ops } from "@lllite/core/ops"
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
import { createStorage } from "./storage.ts"
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
  /**
   * `F16`: values between the layers of the U-Net and of ControlNets are stored in float16. Where the device has subgroup
   * matrices, products with frozen weights, forward and back, and attention without a mask and its slopes, also multiply
   * float16 and add up in float32. Weights of `load.wide` and heads wider than 128 do not. Check the driver with
   * `checkStorage` and `checkMatrices` before. All other arithmetic is float32, and so is everything that trains. Slopes
   * between layers are stored in float16, too, so that a loss is to be scaled. Core does it. Default: `F32`
   */
  readonly precision?: ProductPrecision
}

/** Dtypes that products with frozen weights multiply. */
export type ProductPrecision = "F32" | "F16"

/**
 * Ops on TensorFlow.js' WebGPU backend. They have this package's kernels where a verb has one, and `base` for all other
 * verbs. `base` must run on the same backend. Load weights with the result's loader.
 *
 * `startWebgpu` must have started the backend. The backend must be in use now and whenever an op runs.
 *
 * @throws WebgpuOpsError for another backend, for an unknown format or precision, for tiles that are not of this release,
 * or for F16 on a device without float16
 */
export function createWebgpuOps(base: Ops, options: WebgpuOpsOptions = {}): Ops {
  checkGiven("WebGPU ops: the base", base, "load", "createComposedOps")
  checkOptions<WebgpuOpsOptions>("WebGPU ops", options, { weights: "text", tiles: "an object", precision: "text" })
  const { weights = "file", tiles, precision = "F32" } = options
  const formats: readonly string[] = ["file", ...WEIGHT_FORMATS]
  if (!formats.includes(weights)) {
    throw new WebgpuOpsError(
      "weight-format",
      `weights: ${JSON.stringify(weights)}, expected one of ${formats.join(", ")}`,
    )
  }
  if (precision !== "F32" && precision !== "F16") {
    throw new WebgpuOpsError("precision", `precision: ${JSON.stringify(precision)}, expected F32 or F16`)
  }
  const gpu = openGpu(tiles && expectTiles(tiles))
  const isHalf = precision === "F16"
  if (isHalf && !gpu.features.float16) {
    throw new WebgpuOpsError(
      "precision",
      "precision F16: this device has no float16 (shader-f16), expected it. Choose F32.",
    )
  }
  const rounds = isHalf && gpu.features.matrices !== null
  const dense = createDense(gpu)
  const linear = createLinear(gpu)
  const attention = createAttention(gpu, { rounds })
  const activations = createActivations(gpu)
  const ops: Ops = checkedVerbs({
    ...base,
    maxTensorBytes: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
    trim: () => gpu.trim(),
    pool: (bytes) => gpu.pool(bytes),
    // Other ops on this device may run the same pass in another precision.
    runPass: (pass) => gpu.runPass({ ...pass, reads: [ops, ...pass.reads] }),
    load: {
      ...base.load,
      ...createLoader(gpu, weights, rounds),
      wide: { ...base.load, ...createLoader(gpu, weights, false) },
    },
    ...(isHalf ? createStorage(gpu) : {}),
    ...activations,
    ...linear,
    linearEach: createLinearEach(gpu, linear),
    linearGeglu: createLinearGeglu(gpu, { ...linear, ...activations }),
    ...createConv2d(gpu),
    attention,
    selfAttention: createSelfAttention(gpu, { ...linear, attention }, { rounds }),
    dense,
    denseStack: createDenseStack(gpu),
    adapt: createAdapt(gpu, dense),
    adaptGroup: createAdaptGroup(gpu),
    ...createGroupNorm(gpu),
    ...createLayerNorm(gpu),
  })
  return ops
}
