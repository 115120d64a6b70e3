/**
 * The contracts that every implementation of the ops, and of blocks, keeps: for the tests of a backend.
 *
 * @module
 */
export { checkBlocks } from "./blocks-contract.ts"
export { type CheckOptions, type ContractResult, checkOps } from "./ops-contract.ts"
export { type PeakBytes, watchBytes } from "./peak-bytes.ts"
export { RUNTIME_CASES, type RuntimeCase, type RuntimeSubject } from "./runtime-contract.ts"
