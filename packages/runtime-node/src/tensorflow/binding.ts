import type { KernelBackend, Tensor, TensorInfo } from "@tensorflow/tfjs-core"

/** tfjs-node's native addon. It runs TensorFlow's eager ops by name, on tensors by number. */
export interface TensorflowBinding {
  readonly TF_Version: string
  readonly TF_ATTR_STRING: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_FLOAT: number
  readonly TF_ATTR_BOOL: number
  readonly TF_ATTR_TYPE: number
  isUsingGpuDevice(): boolean
  executeOp(name: string, attributes: readonly OpAttribute[], inputs: readonly number[], outputs: number): OpOutput[]
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): number
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array
  deleteTensor(id: number): void
  /** Loads a graph from a folder with the file `saved_model.pb`. → the number of its session */
  loadSavedModel(folder: string, tags: string): number
  /** Runs a graph. Names are joined by commas. */
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): OpOutput[]
  deleteSavedModel(session: number): void
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

/** The backend that tfjs-node's JavaScript makes of the binding: the part that our ops use. */
export interface TensorflowBackend extends KernelBackend {
  readonly binding: TensorflowBinding
  /** Numbers of tensors. Values that still lie in JavaScript are uploaded first. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[]
  /** A result as a tensor of tfjs. Takes only dtypes that tfjs has. */
  createOutputTensor(output: OpOutput): Tensor
}
