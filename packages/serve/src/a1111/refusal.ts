import { LlliteError } from "@lllite/format"
import type { FastifyReply, FastifyRequest } from "fastify"
import { errorText, ServeError } from "../errors.ts"
import { requestError } from "../request-error.ts"
import type { Service } from "../service.ts"
import { FieldsError } from "./fields.ts"

/** A refusal with the status that A1111's API has for it. */
export class A1111Error extends Error {
  override readonly name = "A1111Error"
  readonly status: 404 | 422

  constructor(status: 404 | 422, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Answers errors in the form of A1111's API: `error`, `detail`, `body` and `errors`. A field of another type has FastAPI's
 * list in `detail`. `errors` has our code.
 */
export function refuse(
  service: Pick<Service, "limits" | "root">,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  if (error instanceof FieldsError) return reply.status(422).send({ detail: error.detail })
  if (error instanceof A1111Error) return reply.status(error.status).send(shape(error.message, ""))
  const known = requestError(error, service.limits)
  if (known.status >= 500) request.log.error({ err: error }, "the request failed")
  if (known.status === 401) void reply.header("www-authenticate", 'Basic realm="lllite"')
  const { code, message } = errorText(known.error, { root: service.root })
  const isInput = known.error instanceof LlliteError && known.status === 400
  return reply.status(isInput ? 422 : known.status).send(shape(message, code))
}

function shape(detail: string, errors: string): object {
  return { error: "HTTPException", detail, body: "", errors }
}

/** The error of a job that has failed. */
export function jobFailure({ code, message }: { readonly code: string; readonly message: string }): Error {
  return code === "refused" ? new ServeError("refused", message) : new ServeError("command", message)
}
