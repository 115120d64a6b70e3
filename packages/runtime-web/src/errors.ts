import { LlliteError } from "@lllite/format"

/** Why the browser's runtime refused something. Stable: switch on it. `docs/errors.md` lists what to do. */
export type WebRuntimeErrorCode =
  // the browser
  /** No backend works in this browser. */
  | "no-backend"
  /** The browser offers no WebGPU to the page. */
  | "no-webgpu"
  /** WebAssembly could not start. */
  | "no-webassembly"
  /** The worker failed. */
  | "worker-failed"
  /** The backend did not start in time. */
  | "start-timeout"
  // addresses
  /** The text is not an address. */
  | "address"
  /** The connection failed several times. */
  | "connection-lost"
  /** The server answered with an error. */
  | "server-status"
  /** The file is longer than any checkpoint. */
  | "file-size"
  /** A file of this package is missing beside the worker. */
  | "asset-missing"
  // pictures
  /** The file is not a picture that can be read. */
  | "not-a-picture"
  /** The file of a picture is damaged. */
  | "picture-broken"
  /** A picture has too many pixels. */
  | "picture-size"
  /** The browser does not give the pixels of a picture to the page. */
  | "no-canvas"
  /** The call needs a page. */
  | "no-page"
  // kept files
  /** The page cannot keep files. */
  | "storage-unavailable"
  /** There is not enough room to keep the file. */
  | "storage-full"
  /** No complete file of that name is kept. */
  | "not-stored"

/** A problem with this browser, an address or an option. The message names it and says what to do. */
export class WebRuntimeError extends LlliteError<WebRuntimeErrorCode> {
  static override readonly kind = "WebRuntimeError"
  override readonly name = "WebRuntimeError"
}
