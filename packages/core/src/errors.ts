/** The reason of an error for which a caller may know more remedies. Codes are stable, and messages are not. */
export type CoreErrorCode = "no-room"

/**
 * A request that core refuses, or work that failed. The message names the thing, what was expected, what came, and what
 * to do next.
 */
export class CoreError extends Error {
  override readonly name = "CoreError"
  readonly code: CoreErrorCode | undefined

  constructor(message: string, { code, ...options }: ErrorOptions & { readonly code?: CoreErrorCode } = {}) {
    super(message, options)
    this.code = code
  }
}
