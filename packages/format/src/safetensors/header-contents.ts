import type { Dtype } from "./dtype.ts"

/** A tensor as the header describes it. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  /** Row-major; [] is a scalar. */
  readonly shape: readonly number[]
  /** First byte in the file. */
  readonly start: number
  /** Byte in the file after the last. */
  readonly end: number
}

/** Everything a safetensors file says before its data. */
export interface SafetensorsHeader {
  /**
   * By name, in the order of their data. With very many tensors this is no Map but something that reads like one and
   * makes each {@link TensorInfo} when it is asked for.
   */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Free text pairs in file order; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>
  /** Byte in the file where the data begins. */
  readonly dataStart: number
}
