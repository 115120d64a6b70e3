/** An error in a form that can be sent. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of a DOMException, whose name does not tell its class. */
  readonly isDomException: boolean
  /** The error's own fields that can be sent, such as the code of a FormatError. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Null where there is none. */
  readonly cause: SentError | null
}

/** Classes that errors regain, by the name that their errors have. */
export type ErrorClasses = Readonly<Record<string, { readonly prototype: Error }>>

const BUILT_IN: ErrorClasses = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

/** What is sent apart from the fields. */
const APART = new Set(["name", "message", "stack", "cause"])

/** Longest chain of causes that is sent: one could be its own. */
const MAX_CAUSES = 8

/** Takes an error apart, so that it can be sent to another thread. What is not an Error becomes one. */
export function packError(error: unknown, depth = 0): SentError {
  if (!(error instanceof Error)) return packError(new Error(String(error)), depth)
  const { name, message, stack, cause } = error
  const fields = Object.entries(error).filter(([key, value]) => !APART.has(key) && canBeSent(value))
  return {
    ...{ name, message, stack },
    isDomException: error instanceof DOMException,
    fields: Object.fromEntries(fields),
    cause: cause === undefined || depth === MAX_CAUSES ? null : packError(cause, depth + 1),
  }
}

/** Puts an error together again: of its class, where the class is one of JavaScript's own or among `classes`. */
export function unpackError(sent: SentError, classes: ErrorClasses): Error {
  const { name, message, stack, isDomException, fields, cause } = sent
  if (isDomException) return new DOMException(message, name)
  const error = new Error(message, cause === null ? undefined : { cause: unpackError(cause, classes) })
  const known = [classes, BUILT_IN].find((table) => Object.hasOwn(table, name))?.[name]
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype)
  // The classes of this project name their errors in a field of their own.
  if (error.name !== name) Object.defineProperty(error, "name", { value: name, enumerable: true })
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true })
  return Object.assign(error, fields)
}

function canBeSent(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
