export type { LlliteSpec, ParsedLlliteSpec } from "./metadata.ts"
export { buildLlliteMetadata, LLLITE_ARCHITECTURE, parseLlliteMetadata } from "./metadata.ts"
