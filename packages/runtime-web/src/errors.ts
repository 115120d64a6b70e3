/** Something that this browser, an address or an option does not allow: the message says what, and what to do. */
export class WebRuntimeError extends Error {
  override readonly name = "WebRuntimeError"
}
