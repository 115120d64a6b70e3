/** A problem with this browser, an address or an option. The message names it and says what to do. */
export class WebRuntimeError extends Error {
  override readonly name = "WebRuntimeError"
}
