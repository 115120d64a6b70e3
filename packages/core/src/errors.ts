/** Something that core was asked to do and cannot: the message names it, what was expected, what came, what to do. */
export class CoreError extends Error {
  override readonly name = "CoreError"
}
