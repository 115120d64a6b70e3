import { checkOptions } from "@lllite/core/names"
import { LlliteError } from "@lllite/format"

/** Why the server refused a request or ended a job. Stable: `docs/errors.md` lists what to do. */
export type ServeErrorCode =
  // who asks
  /** The address is not loopback and no key is set. */
  | "key-missing"
  /** A name or an origin of the options is not one. */
  | "access"
  /** The request has no key, or a wrong one. */
  | "key"
  /** The request names another host than the server. */
  | "host"
  /** The request comes from a page of another server. */
  | "origin"
  // what is asked
  /** There is nothing at this address. */
  | "route-unknown"
  /** The body or a parameter has another form than expected. */
  | "body"
  /** The body is larger than the limit. */
  | "body-size"
  /** The request takes longer than the limit. */
  | "request-time"
  /** The job asks for more than a limit allows. */
  | "limit"
  /** A file that the job names is not on the server. */
  | "file-unknown"
  /** An option of the job may not be used on a server. */
  | "option-refused"
  /** The server has no job with this id. */
  | "job-unknown"
  /** The job has ended, or has not ended yet. */
  | "job-state"
  // what the server can take
  /** As many jobs wait as the limit allows. */
  | "queue-full"
  /** The files of the server take as much room as the limit allows. */
  | "storage"
  /** The server stops and takes no jobs. */
  | "stopping"
  /** Redis cannot be used. */
  | "redis"
  /** The store of a large work cannot be used. */
  | "store"
  // how a job ended
  /** The input of the job cannot be used. */
  | "refused"
  /** The command of the job ended with an error. */
  | "command"
  /** The job took longer than the limit. */
  | "job-time"
  /** The process that ran the job ended. */
  | "worker-lost"
  /** The server ended while the job ran, more often than it tries again. */
  | "interrupted"
  /** The job failed for a reason that only the server's log has. */
  | "unexpected"

/** The HTTP status of each code. */
const STATUS: Readonly<Record<ServeErrorCode, number>> = {
  "key-missing": 500,
  access: 500,
  key: 401,
  host: 403,
  origin: 403,
  "route-unknown": 404,
  body: 400,
  "body-size": 413,
  "request-time": 408,
  limit: 400,
  "file-unknown": 400,
  "option-refused": 400,
  "job-unknown": 404,
  "job-state": 409,
  "queue-full": 503,
  storage: 507,
  stopping: 503,
  redis: 500,
  store: 500,
  refused: 400,
  command: 500,
  "job-time": 500,
  "worker-lost": 500,
  interrupted: 500,
  unexpected: 500,
}

/** A refusal of the server. The message names the thing, what was expected, what came, and what to do. */
export class ServeError extends LlliteError<ServeErrorCode> {
  static override readonly kind = "ServeError"
  override readonly name = "ServeError"

  /** The status of the HTTP answer. */
  get status(): number {
    return STATUS[this.code]
  }
}

/** What a client gets of an error. */
export interface ErrorText {
  readonly code: string
  readonly message: string
}

/**
 * The text of an error for a client. Errors of LLLite keep their code. Of all others, the client learns nothing, and the
 * log has them.
 *
 * @param options `root`: folder of files, whose path is taken out of messages. `log`: who has the log
 */
export function errorText(error: unknown, options: { readonly root?: string; readonly log?: string } = {}): ErrorText {
  checkOptions<typeof options>("errorText", options, { root: "text", log: "text" })
  const { root = "", log = "the server" } = options
  if (error instanceof LlliteError) {
    const message = root === "" ? error.message : error.message.replaceAll(`${root}/`, "")
    return { code: String(error.code), message }
  }
  return errorText(new ServeError("unexpected", `the work failed for a reason that the log of ${log} has.`))
}
