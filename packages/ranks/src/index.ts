export { RanksError, type RanksErrorCode } from "./errors.ts"
export { type RankEvent, type RankHub, type RankHubOptions, startRankHub } from "./hub.ts"
export type { Identity } from "./messages.ts"
export { type OwnEvent, type RankOptions, runRank } from "./rank.ts"
