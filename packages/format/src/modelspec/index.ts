export type { LlliteSpec, ParsedLlliteSpec, PredictionType } from "./metadata.ts"
export { buildLlliteMetadata, LLLITE_ARCHITECTURE, parseLlliteMetadata } from "./metadata.ts"
