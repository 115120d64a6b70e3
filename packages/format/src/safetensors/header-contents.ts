import type { Dtype } from "./dtype.ts"

/** A tensor's entry in the header. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  /** Row-major. [] is a scalar. */
  readonly shape: readonly number[]
  /** First byte in the file. */
  readonly start: number
  /** Byte in the file after the last. */
  readonly end: number
}

/** The contents of a safetensors header. */
export interface SafetensorsHeader {
  /**
   * Tensors by name, in the order of their data. With very many tensors it is a packed map with a Map's read interface,
   * which makes each {@link TensorInfo} on request.
   */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Free text pairs in file order. Empty if the file has none. */
  readonly metadata: ReadonlyMap<string, string>
  /** Byte in the file where the data begins. */
  readonly dataStart: number
}
