/**
 * Watches a device for memory that runs out.
 *
 * @returns ranOut(error), which says whether an error comes of that: the device said so, or the driver did on the way
 */
export function watchMemory(device) {
  let isOut = false
  device.addEventListener("uncapturederror", ({ error }) => {
    isOut ||= error instanceof globalThis.GPUOutOfMemoryError
  })
  return {
    ranOut: (error) => isOut || /out.of.(host.|device.)?memory/i.test(error instanceof Error ? error.message : ""),
  }
}
