export type { BlockHealth, LlliteHealth } from "./check.ts"
export { checkLllite } from "./check.ts"
export type { Finding, FindingCode } from "./findings.ts"
export type { AdapterPart, SiteHealth } from "./site-health.ts"
