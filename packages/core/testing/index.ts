/**
 * The contracts of the ops, of blocks and of runtimes, for the tests of an implementation.
 *
 * @module
 */
export { checkBlocks } from "./blocks-contract.ts"
export { type CheckOptions, type ContractResult, checkOps } from "./ops-contract.ts"
export { checkParts, type PartsCase } from "./parts-contract.ts"
export { type PeakBytes, watchBytes } from "./peak-bytes.ts"
export { RUNTIME_CASES, type RuntimeCase, type RuntimeSubject } from "./runtime-contract/index.ts"
