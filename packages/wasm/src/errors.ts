/** Something about the machine or the backend that the kernels cannot work with: the message says what to do. */
export class WasmOpsError extends Error {
  override readonly name = "WasmOpsError"
}
