/** A machine, backend or input that the kernels cannot work with. The message says what to do. */
export class WasmOpsError extends Error {
  override readonly name = "WasmOpsError"
}
