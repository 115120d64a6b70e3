/** Why core refused something, where a caller may know more ways out. Stable: switch on it rather than on the message. */
export type CoreErrorCode = "no-room"

/** Something that core was asked to do and cannot: the message names it, what was expected, what came, what to do. */
export class CoreError extends Error {
  override readonly name = "CoreError"
  readonly code: CoreErrorCode | undefined

  constructor(message: string, { code, ...options }: ErrorOptions & { readonly code?: CoreErrorCode } = {}) {
    super(message, options)
    this.code = code
  }
}
