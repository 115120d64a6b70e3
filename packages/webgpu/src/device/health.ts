import { WebgpuDeviceError } from "../errors.ts"

/** The errors that a device has reported. WebGPU reports them asynchronously. */
export interface DeviceHealth {
  /** @throws WebgpuDeviceError if the device is lost, or reported an error */
  expectSound(): void
  /** The device's error if there is one, otherwise `cause`. */
  explain(cause: unknown): unknown
}

const ADVICE = "Start the backend anew and continue from the last save."

/**
 * Watches a device. Validation errors, a lack of memory and the loss of the device become exceptions at the next use.
 */
export function watchDevice(device: GPUDevice): DeviceHealth {
  let failure: WebgpuDeviceError | null = null
  device.addEventListener("uncapturederror", (event) => {
    // Without this, results are zeros, and the only message is a line on the console.
    event.preventDefault()
    const { error } = event as GPUUncapturedErrorEvent
    failure ??= new WebgpuDeviceError("command-refused", `the device refused a command: ${error.message} ${ADVICE}`)
  })
  void device.lost.then(({ reason, message }) => {
    failure = new WebgpuDeviceError("device-lost", `the device is lost (${reason}): ${message} ${ADVICE}`)
  })
  return {
    expectSound() {
      if (failure !== null) throw failure
    },
    explain: (cause) => failure ?? cause,
  }
}
