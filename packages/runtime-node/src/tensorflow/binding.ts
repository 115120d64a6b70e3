/** tfjs-node's native addon: TensorFlow's eager ops by name, on tensors by number. */
export interface TensorflowBinding {
  readonly TF_Version: string
  isUsingGpuDevice(): boolean
  executeOp(name: string, attributes: readonly OpAttribute[], inputs: readonly number[], outputs: number): OpOutput[]
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): number
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
