import type { RunningBackend } from "@lllite/core/worker"
import type { TensorflowInstallation } from "../tensorflow/installation.ts"
import type { NodeBackend, Precision, WeightFormat } from "./names.ts"

/** A backend that runs in this thread. */
export type NodeRunningBackend = RunningBackend<NodeBackend>

export interface StartOptions {
  /** `float32` unless given; `bfloat16` is for `tensorflow` alone, and pays on CPUs with instructions for it. */
  readonly precision?: Precision
  /** `file` unless given; the others are for `tensorflow` and `webgpu`. */
  readonly weights?: WeightFormat
  /** The TensorFlow to take; looked for unless given. */
  readonly tensorflow?: TensorflowInstallation
}
