export { WasmOpsError, type WasmOpsErrorCode } from "./errors.ts"
export { createWasmOps } from "./wasm-ops.ts"
