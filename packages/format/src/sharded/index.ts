export type { ShardedSafetensors } from "./sharded.ts"
export { openSharded } from "./sharded.ts"
