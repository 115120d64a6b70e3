import { WebgpuLimitError } from "../errors.ts"

/** The most workgroups that WebGPU dispatches along one dimension; every device allows exactly as many by default. */
const MAX_GROUPS = 65_535

/**
 * Holds an allocation against what the device can create and bind. Beyond that, WebGPU reports an error behind the
 * caller's back, and results are zeros.
 *
 * @param what names the tensor or the weight
 * @throws WebgpuLimitError naming the limit
 */
export function expectBindable(limits: GPUSupportedLimits, what: string, bytes: number): void {
  for (const limit of ["maxStorageBufferBindingSize", "maxBufferSize"] as const) {
    if (bytes <= limits[limit]) continue
    throw new WebgpuLimitError(
      "binding-size",
      `${what} takes ${bytes} bytes, this device's ${limit} is ${limits[limit]}. Use a smaller picture or batch, or a ` +
        "device that binds more.",
    )
  }
}

/**
 * A count of workgroups as WebGPU dispatches it: over two dimensions where one is too short. Kernels count groups by
 * `wid.x + wid.y * nwg.x` and leave those alone that are too many.
 *
 * @throws WebgpuLimitError for more than 65,535² groups
 */
export function spreadGroups(label: string, count: number): readonly [x: number, y: number] {
  if (count <= MAX_GROUPS) return [count, 1]
  const y = Math.ceil(count / MAX_GROUPS)
  if (y > MAX_GROUPS) {
    throw new WebgpuLimitError(
      "dispatch-size",
      `${label}: ${count} workgroups, at most ${MAX_GROUPS ** 2} can be dispatched`,
    )
  }
  return [Math.ceil(count / y), y]
}
