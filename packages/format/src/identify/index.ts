export { expectLllite } from "./expect-lllite.ts"
export type { BaseModel, FileIdentity, FileKind } from "./identify.ts"
export { identify } from "./identify.ts"
