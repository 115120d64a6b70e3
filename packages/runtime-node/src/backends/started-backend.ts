import type { RunningBackend } from "@lllite/core/worker"
import type { TensorflowInstallation } from "../tensorflow/installation.ts"
import type { NodeBackend, Precision, WeightFormat } from "./names.ts"

/** A backend that runs in this thread. */
export type NodeRunningBackend = RunningBackend<NodeBackend>

export interface StartOptions {
  /** Default: `float32`. Only `tensorflow` takes `bfloat16`. It is faster on CPUs that have instructions for it. */
  readonly precision?: Precision
  /** Default: `file`. Only `tensorflow` and `webgpu` take the other formats. */
  readonly weights?: WeightFormat
  /** The TensorFlow to use. Default: the first that `findTensorflow` finds. */
  readonly tensorflow?: TensorflowInstallation
}
