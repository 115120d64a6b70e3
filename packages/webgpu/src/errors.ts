/** Something that the kernels cannot work with: the message names it, what was expected, what came, what to do. */
export class WebgpuOpsError extends Error {
  override readonly name: string = "WebgpuOpsError"
}

/** A tensor or a weight is larger than what the device can bind: it was refused before anything was allocated. */
export class WebgpuLimitError extends WebgpuOpsError {
  override readonly name = "WebgpuLimitError"
}

/**
 * The device is lost or reported an error. Later results are wrong, and tensors on it are lost. Start the backend anew and
 * continue from the last save.
 */
export class WebgpuDeviceError extends WebgpuOpsError {
  override readonly name = "WebgpuDeviceError"
  /** Whether the device itself is lost. Otherwise it refused a command. */
  readonly lost: boolean

  constructor(message: string, lost: boolean, options?: ErrorOptions) {
    super(message, options)
    this.lost = lost
  }
}
