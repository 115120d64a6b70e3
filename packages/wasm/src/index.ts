export { WasmOpsError } from "./errors.ts"
export { createWasmOps } from "./wasm-ops.ts"
