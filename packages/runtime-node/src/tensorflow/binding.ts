import type { KernelBackend, Tensor, TensorInfo } from "@tensorflow/tfjs-core"

/** tfjs-node's native addon: TensorFlow's eager ops by name, on tensors by number. */
export interface TensorflowBinding {
  readonly TF_Version: string
  readonly TF_ATTR_STRING: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_BOOL: number
  readonly TF_ATTR_TYPE: number
  isUsingGpuDevice(): boolean
  executeOp(name: string, attributes: readonly OpAttribute[], inputs: readonly number[], outputs: number): OpOutput[]
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): number
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array
  deleteTensor(id: number): void
}

export interface OpAttribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

export interface OpOutput {
  readonly id: number
  readonly shape: number[]
  readonly dtype: number
}

/** The backend that tfjs-node's JavaScript makes of the binding, as far as ops of our own need it. */
export interface TensorflowBackend extends KernelBackend {
  readonly binding: TensorflowBinding
  /** Numbers of tensors, after values that still lie in JavaScript have been handed over. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[]
  /** A result as a tensor of tfjs. Knows tfjs's own dtypes only. */
  createOutputTensor(output: OpOutput): Tensor
}
