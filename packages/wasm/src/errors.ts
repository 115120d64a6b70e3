import { LlliteError } from "@lllite/format"

/** Why the kernels refused something. Stable: switch on it. `docs/errors.md` lists what to do. */
export type WasmOpsErrorCode =
  /** A tensor has another shape than the operation expects. */
  | "shape"
  /** A weight has another shape than the layer expects. */
  | "weight-shape"
  /** A tensor is not float32. */
  | "dtype"
  /** The heap of the backend has no room for a result. */
  | "heap-full"
  /** The backend "wasm" is not in use. */
  | "backend-not-started"
  /** The backend was changed after the ops were created. */
  | "backend-changed"
  /** The backend runs with threads, so its memory cannot be reached. */
  | "threads"
  /** The machine does not run WebAssembly with SIMD. */
  | "no-simd"

/** A machine, backend or input that the kernels cannot work with. The message says what to do. */
export class WasmOpsError extends LlliteError<WasmOpsErrorCode> {
  static override readonly kind = "WasmOpsError"
  override readonly name = "WasmOpsError"
}

/** @throws WasmOpsError if a tensor has another shape */
export function expectShape(
  what: string,
  given: { readonly shape: readonly number[] },
  shape: readonly number[],
): void {
  if (String(given.shape) === String(shape)) return
  const [came, expected] = [given.shape, shape].map((sizes) => sizes.join(", "))
  throw new WasmOpsError("shape", `${what} is [${came}], expected [${expected}]`)
}
