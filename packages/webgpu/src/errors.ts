import { LlliteError } from "@lllite/format"

/** Why the kernels refused something. Stable: switch on it. `docs/errors.md` lists what to do. */
export type WebgpuOpsErrorCode =
  /** A tensor has another shape than the operation expects. */
  | "shape"
  /** A weight has another shape than the layer expects. */
  | "weight-shape"
  /** A tensor is not float32. */
  | "dtype"
  /** A head or an adapter is wider than the kernel can compute. */
  | "width-limit"
  /** The number of gradients differs from the number of values. */
  | "gradient-count"
  /** A weight has values that float16 cannot hold. */
  | "value-range"
  /** The format of weights is unknown. */
  | "weight-format"
  /** The precision of products is unknown, or the device does not have it. */
  | "precision"
  /** The elements of a weight have a size that cannot be loaded. */
  | "element-size"
  /** A kernel was started on an empty tensor. */
  | "empty-dispatch"
  /** A tensor on the device was read synchronously. */
  | "synchronous-read"
  /** Saved tile sizes do not belong to this release. */
  | "tiles"
  /** The optimizer was disposed. */
  | "disposed"
  /** WebGPU found no adapter. */
  | "no-adapter"
  /** WebGPU found only an adapter that computes on the CPU. */
  | "software-adapter"
  /** The backend of this package is not in use. */
  | "backend-not-started"
  /** The backend was changed after the ops were created. */
  | "backend-changed"

/** Which limit was exceeded. Stable: switch on it. */
export type WebgpuLimitErrorCode =
  /** A tensor or a weight is larger than what the device can bind. */
  | "binding-size"
  /** A kernel needs more workgroups than the device can dispatch. */
  | "dispatch-size"
  /** The softmax of tfjs got more rows than it computes correctly. */
  | "softmax-rows"

/** What happened to the device. Stable: switch on it. */
export type WebgpuDeviceErrorCode =
  /** The device refused a command. */
  | "command-refused"
  /** The device is lost. */
  | "device-lost"

/** Input that the kernels refuse. The message names the thing, what was expected, what came, and what to do next. */
export class WebgpuOpsError<
  Code extends string = WebgpuOpsErrorCode | WebgpuLimitErrorCode | WebgpuDeviceErrorCode,
> extends LlliteError<Code> {
  static override readonly kind: string = "WebgpuOpsError"
  override readonly name: string = "WebgpuOpsError"
}

/** A tensor, a weight or a kernel exceeds a limit of the device. It was refused before an allocation. */
export class WebgpuLimitError extends WebgpuOpsError<WebgpuLimitErrorCode> {
  static override readonly kind = "WebgpuLimitError"
  override readonly name = "WebgpuLimitError"
}

/**
 * The device is lost or reported an error. Later results are wrong, and tensors on it are lost. Start the backend anew and
 * continue from the last save.
 */
export class WebgpuDeviceError extends WebgpuOpsError<WebgpuDeviceErrorCode> {
  static override readonly kind = "WebgpuDeviceError"
  override readonly name = "WebgpuDeviceError"
  /** Whether the device itself is lost. Otherwise it refused a command. */
  readonly lost: boolean

  constructor(code: WebgpuDeviceErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
    this.lost = code === "device-lost"
  }
}
