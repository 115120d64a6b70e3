import { ServeError } from "./errors.ts"
import type { Limits } from "./limits.ts"

/** The error of a request with its status. */
export interface RequestError {
  readonly status: number
  readonly error: unknown
}

/** The error of a request with its status. Errors of the framework get our codes. */
export function requestError(error: unknown, limits: Limits): RequestError {
  if (error instanceof ServeError) return { status: error.status, error }
  const { statusCode, code, message, validation, name } = error as {
    readonly statusCode?: number
    readonly code?: string
    readonly message: string
    readonly validation?: unknown
    readonly name: string
  }
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE" || code === "FST_REQ_FILE_TOO_LARGE") {
    const text = `the body is larger than ${limits.bodyBytes} bytes. Send less, or raise --max_body_mb.`
    return { status: 413, error: new ServeError("body-size", text) }
  }
  if (statusCode === 408 || code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const text = `the request took longer than ${limits.requestSeconds} seconds. Send it faster.`
    return { status: 408, error: new ServeError("request-time", text) }
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    const text = "the address and the headers of the request are longer than 16 KiB. Send shorter ones."
    return { status: 431, error: new ServeError("body-size", text) }
  }
  if (code?.startsWith("HPE_") === true) {
    const text = `the request cannot be read as HTTP/1.1: ${message.replace(/^Parse Error: /, "")}.`
    return { status: 400, error: new ServeError("body", text) }
  }
  if (validation !== undefined || (statusCode !== undefined && statusCode < 500)) {
    return { status: statusCode ?? 400, error: new ServeError("body", `${message}.`.replace(/\.\.$/, ".")) }
  }
  // What the input is refused for by LLLite itself.
  return { status: ["CoreError", "InputError", "FormatError", "UsageError"].includes(name) ? 400 : 500, error }
}
