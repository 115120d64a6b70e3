import { WebgpuLimitError } from "../errors.ts"

/** The most workgroups along one dimension. It is the default limit of every device. */
const MAX_GROUPS = 65_535

/**
 * Checks that the device can create and bind an allocation. Beyond its limits, WebGPU reports an error asynchronously,
 * and results are zeros.
 *
 * @param what the name of the tensor or the weight
 * @throws WebgpuLimitError that names the limit
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
 * Spreads workgroups over two dimensions if one is too short. Kernels number groups by `wid.x + wid.y * nwg.x`. Surplus
 * groups do nothing.
 *
 * @throws WebgpuLimitError for more than 65,535² groups
 */
export function spreadGroups(label: string, count: number): readonly [x: number, y: number] {
  if (count <= MAX_GROUPS) return [count, 1]
  const y = Math.ceil(count / MAX_GROUPS)
  if (y > MAX_GROUPS) {
    throw new WebgpuLimitError(
      "dispatch-size",
      `${label}: ${count} workgroups, expected at most ${MAX_GROUPS ** 2}. Use a smaller picture or batch.`,
    )
  }
  return [Math.ceil(count / y), y]
}
