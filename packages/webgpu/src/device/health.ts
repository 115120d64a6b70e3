import { WebgpuDeviceError } from "../errors.ts"

/** What a device has reported about itself: WebGPU does that behind the caller's back. */
export interface DeviceHealth {
  /** @throws WebgpuDeviceError if the device is lost, or reported an error */
  expectSound(): void
  /** The error that `cause` is to be seen as: that of the device, where there is one. */
  explain(cause: unknown): unknown
}

const ADVICE = "Start the backend anew and continue from what was saved."

/** Watches a device: validation errors, memory that runs out, and its loss become exceptions at the next use. */
export function watchDevice(device: GPUDevice): DeviceHealth {
  let failure: WebgpuDeviceError | null = null
  device.addEventListener("uncapturederror", (event) => {
    // Without this, results are zeros and a line on the console is all that tells.
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
