import { LlliteError } from "@lllite/format"

/** Why ranks cannot work together. Stable: `docs/errors.md` lists what to do. */
export type RanksErrorCode =
  /** The address cannot be listened on, or is none. */
  | "address"
  /** No token is set. */
  | "token-missing"
  /** A certificate or its key cannot be used. */
  | "certificate"
  /** The token, the version, the model or the backend is not the leading process's. */
  | "refused"
  /** The leading process was not reached in time. */
  | "unreachable"
  /** A message has another form than expected. */
  | "message"
  /** A rank was lost, and the run is to end then. */
  | "rank-lost"

/** A refusal. The message names the thing, what was expected, what came, and what to do. */
export class RanksError extends LlliteError<RanksErrorCode> {
  static override readonly kind = "RanksError"
  override readonly name = "RanksError"
}
