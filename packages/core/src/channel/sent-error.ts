/** An error in a form that can be sent. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Whether it is a DOMException. The name of a DOMException is not its class. */
  readonly isDomException: boolean
  /** The error's fields that can be sent, such as the code of a FormatError. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Null without a cause. */
  readonly cause: SentError | null
}

/** Classes that errors regain, by the `name` of their errors. */
export type ErrorClasses = Readonly<Record<string, { readonly prototype: Error }>>

const BUILT_IN: ErrorClasses = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

/** Properties that are sent separately from the fields. */
const APART = new Set(["name", "message", "stack", "cause"])

/** The longest chain of causes that is sent. An error could be its own cause. */
const MAX_CAUSES = 8

/** Converts an error to a form that can be sent to another thread. A value that is not an Error becomes one. */
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

/** Makes the error again. It has its class if JavaScript or `classes` has that class, and otherwise it is an Error. */
export function unpackError(sent: SentError, classes: ErrorClasses): Error {
  const { name, message, stack, isDomException, fields, cause } = sent
  if (isDomException) return new DOMException(message, name)
  const error = new Error(message, cause === null ? undefined : { cause: unpackError(cause, classes) })
  const known = [classes, BUILT_IN].find((table) => Object.hasOwn(table, name))?.[name]
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype)
  // The classes of this project store the name in a field of every error.
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
