export { expectLllite } from "./expect-lllite.ts"
export type { FileIdentity } from "./identify.ts"
export { identify } from "./identify.ts"
export type { BaseModel, FileKind } from "./kind-rules.ts"
