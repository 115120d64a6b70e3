/**
 * Watches a device for memory that runs out.
 *
 * @returns ranOut(error), which says whether an error has this cause. The device or the driver reports it
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
