export { type CheckOptions, type ContractResult, checkOps } from "./ops-contract.ts"
export { type PeakBytes, watchBytes } from "./peak-bytes.ts"
