export { type ContractResult, checkOps } from "./ops-contract.ts"
