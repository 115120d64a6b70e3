import type { Ops } from "@lllite/core/ops"
import type { TensorflowInstallation } from "../tensorflow/installation.ts"
import type { NodeBackend, Precision, WeightFormat } from "./names.ts"

/** A backend that runs, and what it is. */
export interface StartedBackend {
  readonly backend: NodeBackend
  readonly ops: Ops
  /** Of the library that computes, for example TensorFlow's. */
  readonly version: string
  readonly device: "CPU" | "GPU"
}

export interface StartOptions {
  /** `float32` unless given; `bfloat16` is for `tensorflow` alone, and pays on CPUs with instructions for it. */
  readonly precision?: Precision
  /** `file` unless given; the others are for `tensorflow` and `webgpu`. */
  readonly weights?: WeightFormat
  /** The TensorFlow to take; looked for unless given. */
  readonly tensorflow?: TensorflowInstallation
}
