import type { RunningBackend } from "@lllite/core/worker"
import type { TensorflowInstallation } from "../tensorflow/installation.ts"
import type { NodeBackend, Precision, WeightDtype } from "./names.ts"

/** A backend that runs in this thread. */
export type NodeRunningBackend = RunningBackend<NodeBackend> & {
  /** Which kernels run on the device and why, one sentence each. Default: there is nothing to say. */
  readonly paths?: readonly string[]
}

export interface StartOptions {
  /**
   * Default: `F32`. Only `tensorflow` takes `BF16`. It is faster on CPUs that have instructions for it. Only `webgpu`
   * takes `F16`, on cards with float16 (`shader-f16`).
   */
  readonly precision?: Precision
  /**
   * Default: `file`. `F32` takes twice the memory of a file of 16 bits. With it, `tensorflow` computes F32 faster, as no pass
   * converts the weights. Only `tensorflow` and `webgpu` take `F16` and `BF16`.
   */
  readonly weights?: WeightDtype
  /** Whether `tensorflow` runs parts of a network as graphs. Default: true. */
  readonly graphs?: boolean
  /** The TensorFlow to use. Default: the first that `findTensorflow` finds. */
  readonly tensorflow?: TensorflowInstallation
}
